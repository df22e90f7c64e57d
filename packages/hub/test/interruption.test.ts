import { createHub } from '@tailrace/hub'
import type { Hub, HubOptions } from '@tailrace/hub'
import { createMemoryEngine, LogError } from '@tailrace/log'
import type { CompleteEventLog, MemoryEngine } from '@tailrace/log'
import { createScriptedLog } from '@tailrace/testkit'
import type { ScriptedLog } from '@tailrace/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { open, publishAll, publishOne, reading, readPage, texts } from './opening.ts'
import { createScriptedSink } from './scripted-sink.ts'
import type { ScriptedSink } from './scripted-sink.ts'

const KIB = 1024
const LOST = new LogError('unreachable', 'connect ECONNREFUSED 10.0.0.7:6379')

let engine: MemoryEngine
let scripted: ScriptedLog
/** Another node of the same log, which nothing interrupts. */
let other: CompleteEventLog
let hub: Hub
let interruptions: (LogError | undefined)[]
let errors: unknown[]

async function start(options: HubOptions = {}): Promise<void> {
  hub = await createHub({
    log: scripted.log,
    heartbeatMs: 0,
    batchMs: 0,
    retryMs: 20,
    onInterruption: (reason) => interruptions.push(reason),
    onError: (error) => errors.push(error),
    ...options,
  })
}

beforeEach(() => {
  engine = createMemoryEngine()
  scripted = createScriptedLog(engine.open())
  other = engine.open()
  interruptions = []
  errors = []
})

afterEach(async () => {
  await hub.close()
})

function isLive(sink: ScriptedSink): boolean {
  return sink.story().includes('tailrace.live')
}

test('a stream stays open over an interruption, and goes on without loss or repetition', async () => {
  await start()
  const sink = await open(hub, { selectors: ['t'] })
  await publishAll(hub, texts('t', 'before'))
  scripted.interrupt(LOST)
  for (let i = 0; i < 100; i += 1) await other.append(texts('t', `during ${i}`))
  expect(sink.story()).toEqual(['tailrace.live', 'before'])
  scripted.resume()
  await publishAll(hub, texts('t', 'after'))
  const during = Array.from({ length: 100 }, (_, i) => `during ${i}`)
  expect(sink.story()).toEqual(['tailrace.live', 'before', ...during, 'after'])
  expect(sink.outcome).toBe('open')
})

test('heartbeats go on', async () => {
  await start({ heartbeatMs: 20 })
  const sink = await open(hub, { selectors: ['t'] })
  scripted.interrupt(LOST)
  const { length } = sink.text()
  await sink.until(() => sink.text().slice(length) === ':\n'.repeat(3))
  expect(sink.outcome).toBe('open')
})

test('a replay that it breaks is finished after it', async () => {
  await start({ heartbeatMs: 20 })
  const data = Array.from({ length: 20 }, (_, i) => `${i}`.padEnd(40 * KIB, 'x'))
  await publishAll(hub, texts('t', ...data))
  const sinks = await Promise.all(
    ['start', 'now'].map((from) => open(hub, { selectors: ['t'], from }, from === 'start' ? 3 : undefined)),
  )
  const [behind, live] = sinks as [ScriptedSink, ScriptedSink]
  await behind.untilEvents(1)
  scripted.interrupt(LOST)
  behind.drain()
  const { length } = behind.text()
  await behind.until(() => behind.text().length > length)
  await behind.until(() => behind.text().endsWith(':\n'))
  expect([behind.outcome, isLive(behind)]).toEqual(['open', false])
  await other.append(texts('t', 'during'))
  scripted.resume()
  await behind.until(isLive)
  await publishOne(hub, { topic: 't', data: 'after' })
  expect(behind.story()).toEqual([...data, 'during', 'tailrace.live', 'after'])
  await live.untilEvents(3)
  expect(live.story()).toEqual(['tailrace.live', 'during', 'after'])
})

test('a snapshot that it breaks is finished after it', async () => {
  await start()
  await publishAll(
    hub,
    Array.from({ length: 10 }, (_, i) => ({ topic: 't', key: `${i}`, data: `${i}`.padEnd(40 * KIB, 'x') })),
  )
  const sink = await open(hub, { selectors: ['t'], snapshot: true }, 3)
  await sink.untilEvents(1)
  scripted.interrupt(LOST)
  sink.drain()
  await expect(hub.read({ selectors: ['t'] }, new AbortController().signal)).rejects.toBe(LOST)
  scripted.resume()
  await sink.until(isLive)
  expect(sink.story().map((data) => data.slice(0, 1))).toEqual([
    '0',
    '1',
    '2',
    '3',
    '4',
    '5',
    '6',
    '7',
    '8',
    '9',
    't',
  ])
})

test('a read that fails without an interruption is tried again, and reported', async () => {
  let failures = 2
  const { log } = scripted
  scripted = {
    ...scripted,
    log: {
      ...log,
      async read(query) {
        failures -= 1
        if (failures >= 0) throw LOST
        return log.read(query)
      },
    },
  }
  await start()
  await publishAll(hub, texts('t', 'a', 'b'))
  const sink = await open(hub, { selectors: ['t'], from: 'start' })
  await sink.until(isLive)
  expect(sink.story()).toEqual(['a', 'b', 'tailrace.live'])
  expect(errors).toEqual([LOST, LOST])
})

test('a publish is rejected, and stored nowhere', async () => {
  await start()
  const sink = await open(hub, { selectors: ['t'] })
  scripted.interrupt(LOST)
  await expect(hub.publish(texts('t', 'lost'))).rejects.toMatchObject({ code: 'unreachable' })
  scripted.resume()
  await hub.publish(texts('t', 'kept'))
  expect(sink.story()).toEqual(['tailrace.live', 'kept'])
})

test('it is reported when it begins and when it ends, and nothing that follows from it', async () => {
  await start({ retention: [{ selector: '**', maxCount: 1_000 }], trimIntervalMs: 5 })
  await publishAll(hub, texts('t', 'a'))
  await hub.ready()
  expect(hub.interruption).toBeUndefined()
  scripted.interrupt(LOST)
  expect(hub.interruption).toBe(LOST)
  const reader = await open(hub, { selectors: ['t/*'], from: 'start' })
  await expect(hub.read({ selectors: ['t'] }, new AbortController().signal)).rejects.toBe(LOST)
  await expect(hub.publish(texts('t', 'x'))).rejects.toBe(LOST)
  await expect(hub.ready()).rejects.toBe(LOST)
  scripted.resume()
  await reader.until(isLive)
  await hub.ready()
  expect(hub.interruption).toBeUndefined()
  expect(interruptions).toEqual([LOST, undefined])
  expect(errors).toEqual([])
})

test('another reason, for which it lasts, is reported as well', async () => {
  const unauthorized = new LogError('unauthorized', 'The engine rejects the password.')
  let reason = LOST
  const { log } = scripted
  scripted = {
    ...scripted,
    log: { ...log, ready: () => log.ready().catch(() => Promise.reject(reason)) },
  }
  await start()
  scripted.interrupt(LOST)
  reason = unauthorized
  await expect.poll(() => hub.interruption, { timeout: 5_000 }).toBe(unauthorized)
  await expect(hub.ready()).rejects.toBe(unauthorized)
  scripted.resume()
  expect(hub.interruption).toBeUndefined()
  expect(interruptions).toEqual([LOST, unauthorized, undefined])
})

test('a reader that leaves while it waits for the log costs no read', async () => {
  await start()
  await publishAll(hub, texts('t', 'a'))
  scripted.interrupt(LOST)
  const leaving = await open(hub, { selectors: ['t/**'], from: 'start' })
  const staying = await open(hub, { selectors: ['**'], from: 'start' })
  await expect(hub.read({ selectors: ['t'] }, new AbortController().signal)).rejects.toBe(LOST)
  const { logReads } = hub.counters
  leaving.leave()
  scripted.resume()
  await staying.until(isLive)
  expect(hub.counters.logReads - logReads).toBe(1)
})

describe('a tail that is behind', () => {
  test('shows nobody who starts at now what was published before', async () => {
    await start()
    scripted.hold()
    await publishAll(hub, texts('t', 'old'))
    const sinks = [
      await open(hub, { selectors: ['t'] }),
      await open(hub, { selectors: ['t'], from: 'e.1', gap: 'live' }),
    ]
    const page = await readPage(hub, { selectors: ['t'], from: 'now' })
    scripted.release()
    await publishAll(hub, texts('t', 'new'))
    for (const sink of sinks) {
      await sink.until(() => sink.story().includes('new'))
      expect(sink.story().filter((one) => one !== 'tailrace.gap')).toEqual(['tailrace.live', 'new'])
    }
    expect(page).toMatchObject({ events: [] })
  })

  test('does not wake a reader that waits at now for what was published before', async () => {
    await start()
    scripted.hold()
    await publishAll(hub, texts('t', 'old'))
    const { signal } = new AbortController()
    const page = readPage(hub, { selectors: ['t'], from: 'now', waitSeconds: 55 }, signal)
    const readAtNow = (): Promise<unknown> => readPage(hub, { selectors: ['t'], from: 'now' }, signal)
    expect(await readAtNow()).toMatchObject({ events: [] })
    scripted.release()
    expect(await readAtNow()).toMatchObject({ events: [] })
    await publishAll(hub, texts('t', 'new'))
    expect(await page).toMatchObject({ events: [{ data: 'new' }] })
  })

  test('repeats nothing to a reader that has read it from the log', async () => {
    await start()
    scripted.hold()
    const ids = await publishAll(hub, texts('t', 'a', 'b', 'c'))
    const sink = createScriptedSink()
    await hub.subscribe(reading({ selectors: ['t'], from: ids[0] }), () => sink)
    scripted.release()
    await publishAll(hub, texts('t', 'd'))
    await sink.until(() => sink.story().includes('d'))
    expect(sink.story().filter((one) => one !== 'tailrace.live')).toEqual(['b', 'c', 'd'])
  })
})
