import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { tailraceDialect } from '@tailrace/http'
import { createHub } from '@tailrace/hub'
import type { Hub, HubOptions } from '@tailrace/hub'
import { createMemoryLog, LogError } from '@tailrace/log'
import type { CompleteEventLog, EventLog, TailListener } from '@tailrace/log'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Counters } from '../src/counters.ts'
import type { Lane, LaneMember } from '../src/lane.ts'
import { Lanes } from '../src/lanes.ts'
import { LOGS } from './each-log.ts'
import { open, publishAll, publishOne, reading, texts } from './opening.ts'
import { createScriptedSink } from './scripted-sink.ts'

let log: CompleteEventLog
let hub: Hub

beforeEach(async () => {
  log = createMemoryLog()
  hub = await createHub({ log, heartbeatMs: 0, batchMs: 0, windowBytes: 64 * 1024, onError: () => undefined })
})

afterEach(async () => {
  await hub.close()
  await log.close()
})

describe('publishing', () => {
  test('an event gets an id, and a repeat the id of the first', async () => {
    const event = { topic: 't', data: 'a', idempotencyKey: 'k' }
    const first = await publishOne(hub, event)
    expect(first).toEqual({ id: expect.stringMatching(/^[a-z0-9]+\.1$/), topic: 't', duplicate: false })
    expect(await publishOne(hub, { ...event, data: 'b' })).toEqual({ ...first, duplicate: true })
  })

  test('a batch with a flaw publishes nothing', async () => {
    const sink = await open(hub, { selectors: ['**'] })
    const batch = [...texts('t', 'a'), { topic: 't', data: 'b', type: 'tailrace.end' }]
    await expect(hub.publish(batch)).rejects.toMatchObject({ code: 'reserved-type' })
    expect(await log.describe()).toMatchObject({ newest: 0 })
    expect(sink.story()).toEqual(['tailrace.live'])
  })

  test('an ended topic takes nothing more', async () => {
    await publishOne(hub, { topic: 't', data: '', end: true })
    await expect(hub.publish(texts('t', 'late'))).rejects.toMatchObject({ code: 'topic-ended' })
  })
})

describe('lanes', () => {
  const PLAIN = {
    dialect: tailraceDialect({ envelope: false, namesTopic: false, traces: false, times: false }),
    conflateMs: 0,
  }
  const EVENT = {
    offset: 1,
    topic: 'a',
    data: 'x',
    type: undefined,
    key: undefined,
    time: 0,
    remove: false,
    end: false,
    trace: undefined,
  }
  const LIMITS = { windowBytes: 1000, windowTotalBytes: 1000, batchMs: 0, stallMs: 30_000, heartbeatMs: 0 }
  const ANYBODY = { client: '', isGone: false }
  const member: LaneMember = {
    pump() {},
    retry() {},
    heartbeat() {},
    cutIfStalled() {},
    close() {},
    describe: () => ({
      id: 1,
      selectors: ['t'],
      state: 'live',
      behind: 0,
      since: 0,
      until: undefined,
      reader: undefined,
    }),
  }

  test('a lane is shared by the same selectors in any order, and goes with its last subscriber', async () => {
    const lanes = new Lanes(log.topics, 'e', 0, LIMITS, new Counters())
    const enter = (selectors: readonly string[]): Promise<Lane> =>
      lanes.with(selectors, PLAIN, ANYBODY, async (lane) => {
        lane.members.add(member)
        return lane
      })
    const first = await enter(['a', 'b'])
    expect(await enter(['b', 'a'])).toBe(first)
    expect([...lanes.members()]).toEqual([member])
    first.leave(member)
    expect([...lanes.members()]).toEqual([])
    lanes.push(EVENT)
    lanes.handOut()
    expect(first.window.tip).toBe(0)
    expect(await enter(['a', 'b'])).not.toBe(first)
  })

  test('a lane that nobody entered is gone, also when its use failed', async () => {
    const lanes = new Lanes(log.topics, 'e', 0, LIMITS, new Counters())
    const unused = await lanes.with(['a'], PLAIN, ANYBODY, async (lane) => lane)
    await expect(lanes.with(['a'], PLAIN, ANYBODY, () => Promise.reject(new Error('no')))).rejects.toThrow(
      'no',
    )
    lanes.push(EVENT)
    lanes.handOut()
    expect(unused.window.tip).toBe(0)
    expect(await lanes.with(['a'], PLAIN, ANYBODY, async (lane) => lane)).not.toBe(unused)
  })

  test('who asks for trace contexts shares no lane with who does not', async () => {
    const plain = await open(hub, { selectors: ['t'] })
    const traced = await open(hub, { selectors: ['t'], trace: true })
    const trace = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' }
    await publishOne(hub, { topic: 't', data: 'x', trace })
    expect([plain, traced].map((sink) => sink.text().includes('traceparent'))).toEqual([false, true])
  })

  test('a stream whose time is over before it begins has nothing but the reason', async () => {
    await publishOne(hub, { topic: 't', data: 'secret' })
    await open(hub, { selectors: ['t'] })
    const sink = await open(hub, { selectors: ['t'], from: 'start', until: Date.now() - 1000 })
    expect(sink.story()).toEqual(['tailrace.error'])
    expect(sink.outcome).toBe('ended')
  })

  test('an event is encoded once for all readers of a lane, and once more for each representation', async () => {
    const readers = await Promise.all(Array.from({ length: 5 }, () => open(hub, { selectors: ['t'] })))
    const enveloped = await open(hub, { selectors: ['t'], envelope: 'json' })
    await publishOne(hub, { topic: 't', data: 'x' })
    const [bytes, ...others] = readers.map(({ chunks }) => chunks.at(-1)!)
    expect(others.every((one) => one === bytes)).toBe(true)
    expect(enveloped.chunks.at(-1)).not.toBe(bytes)
    await hub.publish(texts('t', 'a', 'b'))
    const runs = readers.map(({ chunks }) => chunks.at(-1)!)
    expect(runs.every((one) => one === runs[0])).toBe(true)
  })

  test('a reader that stalls keeps no page of the log', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    await hub.publish(texts('t', ...Array.from({ length: 200 }, () => 'x'.repeat(1000))))
    const pages: WeakRef<object>[] = []
    const watched: EventLog = {
      ...log,
      async read(query) {
        const page = await log.read(query)
        pages.push(new WeakRef(page), new WeakRef(page.events))
        return page
      },
    }
    const other = await createHub({ log: watched, heartbeatMs: 0, batchMs: 0 })
    const sink = await open(other, { selectors: ['t'], from: 'start' }, 2)
    await sink.untilEvents(1)
    // A reference is held until the end of the turn that made it.
    for (let i = 0; i < 5; i += 1) {
      await new Promise(setImmediate)
      collect()
    }
    expect(pages).toHaveLength(2)
    expect(pages.map((page) => page.deref())).toEqual([undefined, undefined])
    await other.close()
  })
})

describe.each(LOGS)('a purge on a %s log', (_, openLog) => {
  test('takes events away from a reader that has yet to get them from memory', async () => {
    await using held = await openLog()
    const own = await createHub({ log: held.log, heartbeatMs: 0, batchMs: 0 })
    const sink = await open(own, { selectors: ['t', 'u'] })
    sink.drain(0)
    await publishAll(own, [...texts('t', 'secret'), ...texts('u', 'kept')])
    expect(await own.purge('t')).toBe(true)
    sink.drain()
    await sink.untilEvents(4)
    expect(sink.story()).toEqual(['tailrace.live', 'tailrace.gap', 'kept', 'tailrace.live'])
    expect(sink.text()).not.toContain('secret')
    await own.close()
  })

  test('is no news to a reader that had them', async () => {
    await using held = await openLog()
    const own = await createHub({ log: held.log, heartbeatMs: 0, batchMs: 0 })
    const sink = await open(own, { selectors: ['t'] })
    await publishAll(own, texts('t', 'a'))
    await own.purge('t')
    await publishAll(own, texts('t', 'b'))
    await sink.until(() => sink.story().includes('b'))
    expect(sink.story()).toEqual(['tailrace.live', 'a', 'b'])
    expect(await own.purge('nothing')).toBe(false)
    await own.close()
  })
})

describe('a log that fails', () => {
  test('ends every stream with a reason when its tail is lost, and attaches to it again', async () => {
    let listener: TailListener | undefined
    const tapped: EventLog = {
      ...log,
      tail(to) {
        listener = to
        return log.tail(to)
      },
    }
    const interruptions: unknown[] = []
    const own = await createHub({
      log: tapped,
      heartbeatMs: 0,
      batchMs: 0,
      onInterruption: (reason) => interruptions.push(reason),
    })
    const sink = await open(own, { selectors: ['t'] })
    const stalled = await open(own, { selectors: ['t'] })
    stalled.drain(0)
    const waiting = own.read({ selectors: ['t'], waitSeconds: 55 }, new AbortController().signal)
    const lost = new LogError('unwritable', 'The engine has lost its data.')
    listener!.failed(lost)
    expect(interruptions).toEqual([lost])
    expect(sink.events().at(-1)).toMatchObject({ type: 'tailrace.error', data: '{"code":"log-unavailable"}' })
    expect([sink.outcome, stalled.outcome]).toEqual(['ended', 'ended'])
    expect(stalled.story()).toEqual(['tailrace.live'])
    await expect(waiting).rejects.toBe(lost)
    await expect(own.publish(texts('t', 'x'))).rejects.toBe(lost)
    await expect(own.ready()).rejects.toBe(lost)
    await vi.waitFor(() => own.ready())
    expect(interruptions).toEqual([lost, undefined])
    await own.close()
  })

  test('ends a stream with a reason when its replay cannot go on', async () => {
    const data = Array.from({ length: 5 }, () => 'x'.repeat(40 * 1024))
    await hub.publish(texts('t', ...data))
    const sink = await open(hub, { selectors: ['t'], from: 'start' }, 2)
    await sink.untilEvents(1)
    await log.close()
    sink.drain()
    await sink.until(() => sink.outcome === 'ended')
    expect(sink.story().at(-1)).toBe('tailrace.error')
  })
})

describe('closing', () => {
  test('ends every stream, after which nothing is delivered', async () => {
    const sink = await open(hub, { selectors: ['t'] })
    await hub.close()
    expect([sink.outcome, sink.story()]).toEqual(['ended', ['tailrace.live']])
    await log.append(texts('t', 'late'))
    expect(sink.story()).toEqual(['tailrace.live'])
    await expect(
      hub.subscribe(reading({ selectors: ['t'] }), () => createScriptedSink()),
    ).rejects.toMatchObject({
      code: 'closed',
    })
    await hub.close()
  })

  test('leaves the log open, which is not its own', async () => {
    await hub.close()
    await expect(log.ready()).resolves.toBeUndefined()
  })
})

test('retention runs by itself, round after round', async () => {
  const own = await createHub({
    log,
    heartbeatMs: 0,
    batchMs: 0,
    trimIntervalMs: 1,
    retention: [{ selector: 't', maxCount: 2 }],
  })
  for (const round of ['1', '2']) {
    await own.publish(texts('t', `a${round}`, `b${round}`, `c${round}`))
    await own.publish(texts('kept', `k${round}`))
    while ((await log.read({ selectors: ['t'], after: 0, limit: 9, maxBytes: 9999 })).events.length > 2) {
      await new Promise(setImmediate)
    }
  }
  const { events } = await log.read({ selectors: ['**'], after: 0, limit: 99, maxBytes: 9999 })
  expect(events.map(({ data }) => data)).toEqual(['k1', 'b2', 'c2', 'k2'])
  await own.close()
})

test.each<[string, HubOptions]>([
  ['maxEventBytes', { maxEventBytes: 0 }],
  ['maxBatchBytes', { maxBatchBytes: Number.NaN }],
  ['heartbeatMs', { heartbeatMs: -1 }],
  ['heartbeatMs', { heartbeatMs: 2 ** 31 }],
  ['retryMs', { retryMs: 2 ** 31 / 1.5 }],
  ['windowBytes', { windowBytes: Number.POSITIVE_INFINITY }],
  ['trimIntervalMs', { trimIntervalMs: 0 }],
])('%s is checked, and named when it is wrong: %j', async (name, options) => {
  await expect(createHub({ log, ...options })).rejects.toThrow(
    new RegExp(`\`${name}\` must be a number from`),
  )
})

test('the longest retry that is taken can be told', async () => {
  const own = await createHub({ log, heartbeatMs: 0, batchMs: 0, retryMs: Math.floor((2 ** 31 - 1) / 1.5) })
  for (let i = 0; i < 20; i += 1) {
    const sink = await open(own, { selectors: ['t'] })
    expect(sink.story()).toEqual(['tailrace.live'])
  }
  await own.close()
})

test('a round of retention that takes long is not followed by those that were due meanwhile', async () => {
  vi.useFakeTimers()
  const { promise, resolve } = Promise.withResolvers<void>()
  let rounds = 0
  const slow: EventLog = {
    ...log,
    retention: {
      ...log.retention,
      async trim() {
        rounds += 1
        await promise
        return { removed: 0, done: true }
      },
    },
  }
  const busy = await createHub({ log: slow, trimIntervalMs: 1_000 })
  await vi.advanceTimersByTimeAsync(10_000)
  expect(rounds).toBe(1)
  resolve()
  await vi.advanceTimersByTimeAsync(999)
  expect(rounds).toBe(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(rounds).toBe(2)
  await busy.close()
  vi.useRealTimers()
})
