import type { Hub } from '@tailrace/hub'
import { createMemoryEngine } from '@tailrace/log'
import type { EventLog } from '@tailrace/log'
import { openRedisLog } from '@tailrace/log-redis'
import { createScriptedLog, needs, startRedis } from '@tailrace/testkit'
import type { RedisServer } from '@tailrace/testkit'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { contentOf, startShortHub } from './terms.ts'

let redis: Promise<RedisServer> | undefined
let prefixes = 0

afterAll(async () => (await redis)?.[Symbol.asyncDispose]())

/** Opens one log on several nodes, whose tails report an event after its append has resolved, or before. */
type OpenNodes = (count: number) => Promise<EventLog[]>

const ENGINES: readonly (readonly [string, OpenNodes])[] = [
  [
    'a memory engine',
    async (count) => {
      const engine = createMemoryEngine()
      return Array.from({ length: count }, () => createScriptedLog(engine.open(), { isLate: true }).log)
    },
  ],
  ...(needs('redis') ? [['Redis', openOnRedis] as const] : []),
]

async function openOnRedis(count: number): Promise<EventLog[]> {
  redis ??= startRedis({ appendfsync: false })
  const { url } = await redis
  prefixes += 1
  return Promise.all(
    Array.from({ length: count }, () => openRedisLog({ url: `${url}?prefix=nodes-${prefixes}` })),
  )
}

describe.each(ENGINES)('on two nodes of %s', (_, openNodes) => {
  let logs: EventLog[]
  let hubs: [Hub, Hub]

  beforeEach(async () => {
    logs = await openNodes(2)
    hubs = [await startShortHub(logs[0]!), await startShortHub(logs[1]!)]
  })

  afterEach(async () => {
    for (const hub of hubs) await hub.close()
    for (const log of logs) await log.close()
  })

  test('of an end and a cancellation at the same time, one wins, and both callers learn which', async () => {
    const outcomes = Array.from({ length: 20 }, async (__, i) => {
      const topic = `t/${i}`
      const writer = hubs[0].stream(topic)
      await writer.write('a')
      await writer.opened
      const calls = [() => writer.end(), () => hubs[1].cancelStream(topic)]
      if (i % 2 === 1) calls.reverse()
      const results = await Promise.allSettled(calls.map((call) => call()))
      const [ended, cancelled] = i % 2 === 1 ? results.toReversed() : results
      const found = await hubs[1].findStream(topic)
      const isCancelled = found?.state === 'failed'
      expect(cancelled).toEqual({ status: 'fulfilled', value: isCancelled })
      expect(ended).toMatchObject(
        isCancelled
          ? { status: 'rejected', reason: { code: 'stream-over', details: { code: 'cancelled' } } }
          : { status: 'fulfilled', value: found?.state === 'done' && found.end },
      )
      expect(writer.signal.aborted).toBe(isCancelled)
      expect((await contentOf(hubs[0], topic)).filter((one) => one.endsWith(' end'))).toHaveLength(1)
    })
    await Promise.all(outcomes)
  })

  test('of several writers of a topic, one opens it, and nothing of the others is stored', async () => {
    const writers = Array.from({ length: 6 }, (__, i) => hubs[i % 2]!.stream('t'))
    await Promise.allSettled(writers.map(async (writer, i) => writer.write(`${i}`)))
    const opened = await Promise.allSettled(writers.map((writer) => writer.opened))
    const winners = opened.flatMap(({ status }, i) => (status === 'fulfilled' ? [i] : []))
    expect(winners).toHaveLength(1)
    await Promise.allSettled(writers.map((writer) => writer.end()))
    expect((await contentOf(hubs[0], 't')).slice(1)).toEqual([
      `message ${winners[0]!}`,
      'tailrace.done {} end',
    ])
  })

  test('a cancellation reaches the producer on the other node', async () => {
    const writer = hubs[0].stream('t')
    await writer.opened
    const aborted = new Promise((resolve) => writer.signal.addEventListener('abort', resolve))
    await hubs[1].cancelStream('t')
    await aborted
    expect(writer.signal.reason).toMatchObject({ code: 'stream-over', details: { code: 'cancelled' } })
  })

  test('a producer whose log is cut off is lost, and its topic is purged some time after that', async () => {
    const writer = hubs[0].stream('t', { ttlMs: 0 })
    await writer.opened
    const hub = hubs[1]
    expect(await hub.findStream('t')).toMatchObject({ state: 'open' })
    await logs[0]!.close()
    await expect.poll(() => hub.findStream('t'), { interval: 10, timeout: 5_000 }).toBeUndefined()
    await hub.stream('t').end()
    expect(await contentOf(hub, 't')).toHaveLength(2)
  })
})
