import { createHub } from '@tailrace/hub'
import type { CloseReason, Connection, Hub } from '@tailrace/hub'
import { createMemoryLog } from '@tailrace/log'
import type { EventLog } from '@tailrace/log'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { open, publishAll, publishOne, reading, texts } from './opening.ts'
import { createScriptedSink } from './scripted-sink.ts'
import type { ScriptedSink } from './scripted-sink.ts'

let log: EventLog
let hub: Hub

beforeEach(async () => {
  log = createMemoryLog()
  hub = await createHub({ log, heartbeatMs: 0, batchMs: 0, onError: () => undefined })
})

afterEach(async () => {
  await hub.close()
  await log.close()
})

function bytesOf(...sinks: readonly ScriptedSink[]): number {
  return sinks.flatMap(({ chunks }) => chunks).reduce((sum, { length }) => sum + length, 0)
}

async function survey(): Promise<Connection[]> {
  const seen: Connection[] = []
  await hub.survey((connection) => seen.push(connection))
  return seen
}

describe('deliveries', () => {
  test('an event counts once for each of its readers, and every byte that they got', async () => {
    const sinks = [await open(hub, { selectors: ['t'] }), await open(hub, { selectors: ['*'] })]
    await hub.publish(texts('t', 'a', 'b'))
    await Promise.all(sinks.map((sink) => sink.untilEvents(3)))
    await publishOne(hub, { topic: 'elsewhere', data: 'x' })
    await sinks[1]!.untilEvents(4)
    expect(hub.counters).toMatchObject({ deliveries: 5, windowHits: 3, replays: 0, logReads: 0, streams: 2 })
    expect(hub.counters.bytesSent).toBe(bytesOf(...sinks))
  })

  test('an event that is handed over in parts counts once', async () => {
    const sink = await open(hub, { selectors: ['t'] })
    await publishOne(hub, { topic: 't', data: 'x'.repeat(200_000) })
    await sink.untilEvents(2)
    expect(hub.counters.deliveries).toBe(1)
    expect(hub.counters.windowHits).toBeGreaterThan(1)
    expect(hub.counters.bytesSent).toBe(bytesOf(sink))
  })

  test('readers that are behind are handed pages, which they share when they are behind together', async () => {
    await publishAll(hub, texts('t', 'a', 'b', 'c'))
    const sinks = await Promise.all(
      Array.from({ length: 5 }, () => open(hub, { selectors: ['t'], from: 'start' })),
    )
    await Promise.all(sinks.map((sink) => sink.untilEvents(4)))
    expect(hub.counters).toMatchObject({ deliveries: 15, windowHits: 0, replays: 5, logReads: 1 })
  })

  test('the lag is taken once for each round of a lane, and not of what is held back on purpose', async () => {
    const sinks = [await open(hub, { selectors: ['t'] }), await open(hub, { selectors: ['t'] })]
    sinks.push(await open(hub, { selectors: ['t'], conflateMs: 10 }))
    await publishOne(hub, { topic: 't', data: 'a' })
    await Promise.all(sinks.map((sink) => sink.untilEvents(2)))
    const { counts, sum } = hub.counters.lagSeconds
    expect(counts.reduce((all, one) => all + one)).toBe(1)
    expect(sum).toBeLessThan(5)
  })
})

test('publishes count by the batch, commits by what the log tells of them, and repeats apart', async () => {
  await hub.publish(texts('t', 'a', 'b', 'c'))
  for (let i = 0; i < 2; i += 1) await publishOne(hub, { topic: 't', data: 'd', idempotencyKey: 'k' })
  await expect(hub.publish([])).rejects.toThrow('no events')
  const { counters } = hub
  expect(counters).toMatchObject({ publishes: 3, duplicates: 1 })
  expect(counters.commitEvents.sum).toBe(4)
  expect(counters.commitSeconds.counts.reduce((all, one) => all + one)).toBe(3)
})

describe('the end of a stream counts by its reason, once', () => {
  function closed(): Partial<Record<CloseReason, number>> {
    return Object.fromEntries(Object.entries(hub.counters.closes).filter(([, count]) => count > 0))
  }

  test('its reader left', async () => {
    const sink = await open(hub, { selectors: ['t'] })
    sink.leave()
    sink.leave()
    expect(closed()).toEqual({ client: 1 })
  })

  test('its token has expired', async () => {
    await open(hub, { selectors: ['t'], until: Date.now() })
    expect(closed()).toEqual({ 'token-expired': 1 })
  })

  test('it was cut because its reader had vanished, or had stalled', async () => {
    for (const reason of ['vanished', 'stalled'] as const) {
      const sink = await open(hub, { selectors: ['t'] })
      sink.leave(reason)
    }
    expect(closed()).toEqual({ vanished: 1, stalled: 1 })
  })

  test('its topics have ended', async () => {
    await open(hub, { selectors: ['t'] })
    await publishOne(hub, { topic: 't', data: 'bye', end: true })
    expect(closed()).toEqual({ ended: 1 })
  })

  test('it wanted no stream with a gap', async () => {
    const sink = await open(hub, { selectors: ['t'], from: 'otherlife.1', gap: 'close' })
    await sink.until(({ outcome }) => outcome === 'ended')
    expect(closed()).toEqual({ gap: 1 })
    expect(hub.counters.gaps).toEqual({ expired: 0, epoch: 1, unknown: 0, overflow: 0 })
  })

  test('it was drained, or the hub was closed', async () => {
    await open(hub, { selectors: ['t'] })
    await hub.drain(0)
    await open(hub, { selectors: ['t'] })
    await hub.close()
    expect(closed()).toEqual({ draining: 1, closed: 1 })
  })

  test('its log could not be read', async () => {
    const sink = createScriptedSink()
    await publishOne(hub, { topic: 't', data: 'a' })
    await hub.subscribe(reading({ selectors: ['t'], from: 'start' }), () => {
      void log.close()
      return sink
    })
    await sink.until(({ outcome }) => outcome === 'ended')
    expect(closed()).toEqual({ 'log-unavailable': 1 })
  })
})

describe('a revocation', () => {
  const reader = (subject: string) => ({
    transport: 'socket',
    address: '10.0.0.1',
    subject,
    credential: undefined,
  })

  test('ends the streams that it is for, tells their readers why, and leaves the others', async () => {
    const revoked = [
      await open(hub, { selectors: ['a'], reader: reader('ann') }),
      await open(hub, { selectors: ['b/*'], reader: reader('ann'), until: Date.now() + 60_000 }),
    ]
    const other = await open(hub, { selectors: ['a'], reader: reader('bob') })
    const seen: (number | undefined)[] = []
    const ended = await hub.revoke((connection) => {
      seen.push(connection.id)
      return connection.reader?.subject === 'ann'
    })
    expect(ended).toBe(2)
    expect(new Set(seen).size).toBe(3)
    for (const sink of revoked) {
      await sink.until(({ outcome }) => outcome === 'ended')
      expect(sink.text()).toMatch(/event: tailrace\.error\ndata: \{"code":"revoked"\}\n\n$/)
    }
    await publishOne(hub, { topic: 'a', data: 'x' })
    expect(other.story()).toEqual(['tailrace.live', 'x'])
    expect(hub.counters.closes.revoked).toBe(2)
  })

  test('looks at more streams than are tended in one turn', async () => {
    await Promise.all(
      Array.from({ length: 1_200 }, () => open(hub, { selectors: ['t'], reader: reader('ann') })),
    )
    expect(await hub.revoke(() => true)).toBe(1_200)
    expect(await survey()).toEqual([])
  })
})

describe('a survey', () => {
  test('shows who reads what, and that it is live', async () => {
    const reader = { transport: 'socket', address: '10.0.0.1', subject: 'ann', credential: undefined }
    const before = Date.now()
    await open(hub, { selectors: ['a', 'b/*'], reader })
    const [connection] = await survey()
    expect(connection).toMatchObject({ selectors: ['a', 'b/*'], state: 'live', behind: 0, reader })
    expect(connection!.since).toBeGreaterThanOrEqual(before)
  })

  test('shows how far behind a reader is that takes nothing', async () => {
    const sink = await open(hub, { selectors: ['t'] })
    sink.drain(0)
    await publishAll(hub, [...texts('t', 'a', 'b', 'c'), ...texts('elsewhere', 'x')])
    expect(await survey()).toMatchObject([{ state: 'blocked', behind: 3 }])
    sink.drain()
    await sink.untilEvents(4)
    expect(await survey()).toMatchObject([{ state: 'live', behind: 0 }])
  })

  test('shows no stream that is over', async () => {
    const sink = await open(hub, { selectors: ['t'] })
    await open(hub, { selectors: ['t'] })
    sink.leave()
    expect(await survey()).toHaveLength(1)
  })

  test('sees more streams than are tended in one turn', async () => {
    await Promise.all(Array.from({ length: 1_200 }, () => open(hub, { selectors: ['t'] })))
    expect(await survey()).toHaveLength(1_200)
  })
})
