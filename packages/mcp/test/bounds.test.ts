import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import type { TopicSummary } from '@tailrace/log'
import { createEventStore } from '@tailrace/mcp'
import { expect, test } from 'vitest'
import { resolveBounds } from '../src/bounds.ts'
import { beginSegment, isFull, prefixOf, surplusOf } from '../src/segment.ts'

const message = (data: unknown) => ({
  jsonrpc: '2.0' as const,
  method: 'notifications/message',
  params: { data },
})

async function stored(hub: Hub): Promise<{ events: number; bytes: number }> {
  const topics = await hub.topics({ prefix: 'mcp/', after: '', limit: 1_000 })
  const sum = (of: 'events' | 'bytes'): number => topics.reduce((total, topic) => total + topic[of], 0)
  return { events: sum('events'), bytes: sum('bytes') }
}

test('a session keeps at most its number of events, and at least half of it', async () => {
  const hub = await createHub({ log: 'memory:' })
  const store = createEventStore(hub, { session: 'busy', maxEvents: 20 })
  const ids: string[] = []
  for (let i = 0; i < 200; i += 1) {
    ids.push(await store.storeEvent('a', message(i)))
    await expect.poll(async () => (await stored(hub)).events).toBeLessThanOrEqual(20)
  }
  const sent: string[] = []
  await store.replayEventsAfter(ids[189]!, { send: async (id) => void sent.push(id) })
  expect(sent).toEqual(ids.slice(190))
  await expect(store.getStreamIdForEventId(ids[100]!)).resolves.toBe(undefined)
  await hub.close()
})

test('a session keeps at most its number of events among many others', async () => {
  const hub = await createHub({ log: 'memory:' })
  for (let i = 0; i < 200; i += 1)
    await createEventStore(hub, { session: `s${i}` }).storeEvent('a', message(i))
  const store = createEventStore(hub, { session: 'busy', maxEvents: 20 })
  for (let i = 0; i < 100; i += 1) {
    await store.storeEvent('a', message(i))
    await expect.poll(async () => (await stored(hub)).events).toBeLessThanOrEqual(220)
  }
  await hub.close()
})

test('a session keeps at most its bytes', async () => {
  const hub = await createHub({ log: 'memory:' })
  const store = createEventStore(hub, { session: 'large', maxBytes: 10_000 })
  for (let i = 0; i < 100; i += 1) {
    await store.storeEvent('a', message('x'.repeat(1_000)))
    await expect.poll(async () => (await stored(hub)).bytes).toBeLessThan(11_200)
  }
  await hub.close()
})

test('all sessions together keep at most their bytes: those that were idle the longest are removed', async () => {
  const hub = await createHub({ log: 'memory:' })
  const ids: string[] = []
  const stores = Array.from({ length: 30 }, (_, i) =>
    createEventStore(hub, { session: `s${i}`, maxTotalBytes: 10_000 }),
  )
  for (const store of stores) {
    ids.push(await store.storeEvent('a', message('x'.repeat(1_000))))
    await expect.poll(async () => (await stored(hub)).bytes).toBeLessThan(11_200)
  }
  expect(await stores[0]!.getStreamIdForEventId(ids[0]!)).toBe(undefined)
  expect(await stores[29]!.getStreamIdForEventId(ids[29]!)).toBe('a')
  await hub.close()
})

test('sessions that begin do not look at all others each time', async () => {
  const hub = await createHub({ log: 'memory:' })
  let listed = 0
  const counting: Hub = {
    ...hub,
    async topics(query) {
      const topics = await hub.topics(query)
      listed += topics.length
      return topics
    },
  }
  for (let i = 0; i < 500; i += 1)
    await createEventStore(counting, { session: `s${i}` }).storeEvent('a', message(i))
  await expect.poll(() => listed).toBeGreaterThan(0)
  // Each time, it would be 125,000.
  expect(listed).toBeLessThan(10_000)
  await hub.close()
})

test('sessions that begin at the same time are bounded as well', async () => {
  const hub = await createHub({ log: 'memory:' })
  const large = message('x'.repeat(1_000))
  const stores = Array.from({ length: 100 }, (_, i) =>
    createEventStore(hub, { session: `s${i}`, maxTotalBytes: 10_000 }),
  )
  await Promise.all(stores.map((store) => store.storeEvent('a', large)))
  await createEventStore(hub, { session: 'late', maxTotalBytes: 10_000 }).storeEvent('a', large)
  await expect.poll(async () => (await stored(hub)).bytes).toBeLessThan(12_500)
  await hub.close()
})

test('a bound that is not a number within its limits is refused', async () => {
  const hub = await createHub({ log: 'memory:' })
  for (const bounds of [
    { ttlMs: 0 },
    { maxEvents: 1 },
    { maxBytes: Number.NaN },
    { maxTotalBytes: -1 },
    { maxEvents: '20' as never },
  ]) {
    expect(() => createEventStore(hub, { session: 's', ...bounds })).toThrow(
      expect.objectContaining({ code: 'invalid-option' }),
    )
  }
  await hub.close()
})

const BOUNDS = resolveBounds({ ttlMs: 1_000, maxEvents: 10 })

function segmentOf(session: string, began: number, newest: number, events = 1): TopicSummary {
  const { topic } = beginSegment(prefixOf(session), began)
  return { topic, newest, ended: false, events, bytes: 1 }
}

test('a segment is removed when even its last events are older than the time to live', () => {
  const young = segmentOf('a', 5_000, 2)
  const old = segmentOf('b', 2_999, 1)
  expect(surplusOf([old, young], BOUNDS, 5_000)).toEqual([old.topic])
  expect(isFull(beginSegment('', 4_000), BOUNDS, 4_999)).toBe(false)
  expect(isFull(beginSegment('', 4_000), BOUNDS, 5_000)).toBe(true)
})

test('small segments, which restarts leave behind, are kept as long as they are few', () => {
  const segments = [1, 2, 3, 4, 5, 6, 7, 8].map((newest) => segmentOf('a', newest, newest))
  expect(surplusOf(segments, BOUNDS, 10)).toEqual([segments[1]!.topic, segments[0]!.topic])
})

test('what is older than a segment that is removed is removed as well', () => {
  const [old, large, open] = [1, 2, 3].map((newest) => segmentOf('a', newest, newest))
  const bounds = { ...BOUNDS, maxTotalBytes: 10 }
  const surplus = surplusOf([old!, { ...large!, bytes: 10 }, open!], bounds, 10)
  expect(surplus).toEqual([large!.topic, old!.topic])
})

test('half of what is allowed is kept, whenever the bounds are checked', () => {
  const before = [1, 2].map((newest) => segmentOf('a', newest, newest, 3))
  for (const open of [0, 1, 2, 3])
    expect(surplusOf([...before, segmentOf('a', 3, 3, open)], BOUNDS, 10)).toEqual([])
})

test('a session that begins removes nothing that another one must keep', async () => {
  const hub = await createHub({ log: 'memory:' })
  const store = createEventStore(hub, { session: 'first', maxEvents: 20 })
  const ids: string[] = []
  for (let i = 0; i < 50; i += 1) {
    ids.push(await store.storeEvent('a', message(i)))
    await createEventStore(hub, { session: `s${i}`, maxEvents: 20 }).storeEvent('a', message(i))
    expect(await store.getStreamIdForEventId(ids.at(-10) ?? ids[0]!)).toBe('a')
  }
  await hub.close()
})

test('topics of others are not removed', () => {
  const other = { topic: 'mcp/mine', newest: 1, ended: false, events: 1_000_000, bytes: 2 ** 40 }
  expect(surplusOf([other], BOUNDS, Number.MAX_SAFE_INTEGER)).toEqual([])
})
