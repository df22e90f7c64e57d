import { join } from 'node:path'

import { LogError, type CompleteEventLog, type StoredEvent } from '@tailrace/log'
import { openKafkaLog } from '@tailrace/log-kafka'
import { createRandom, needs, tempDir, testSeed } from '@tailrace/testkit'
import { expect, test } from 'vitest'

import { startCluster } from './cluster.ts'
import { readAll, recordTail } from './tails.ts'

const kafka = needs('kafka')
const ROUNDS = process.env['TAILRACE_LONG'] === '1' ? 20 : 2
const PUBLISHERS = 6

test.skipIf(!kafka)(
  `${ROUNDS} rounds of kill -9 of a broker under publishers on two nodes lose nothing, repeat nothing and keep order`,
  { timeout: 60_000 + ROUNDS * 20_000 },
  async () => {
    const seed = testSeed()
    const random = createRandom(seed)
    await using cluster = await startCluster()
    using dir = tempDir()
    const topic = cluster.newTopic()
    const open = (name: string): Promise<CompleteEventLog> =>
      openKafkaLog({ url: `${cluster.url(topic)}?index=${join(dir.path, name)}` })
    const nodes = [await open('a'), await open('b')]
    const tails = await Promise.all(nodes.map(recordTail))

    const acknowledged = new Map<string, number>()
    let unknown = 0
    let duplicates = 0
    const done = new AbortController()

    /** Publishes one batch of two after the other; each until it is acknowledged, however often that takes. */
    async function publisher(name: string, node: CompleteEventLog): Promise<number> {
      let n = 0
      for (; !done.signal.aborted; n += 1) {
        const batch = [`${name}:${n}a`, `${name}:${n}b`].map((data) => ({
          topic: `p/${name}`,
          data,
          idempotencyKey: data,
        }))
        const answers = await repeat(() => node.append(batch))
        for (const [index, { offset, duplicate }] of answers.entries()) {
          if (duplicate) duplicates += 1
          acknowledged.set(batch[index]!.data, offset)
        }
      }
      return n
    }

    async function repeat<T>(call: () => Promise<T>): Promise<T> {
      for (;;) {
        try {
          return await call()
        } catch (error) {
          if (!LogError.is(error) || !['unreachable', 'outcome-unknown'].includes(error.code)) throw error
          if (error.code === 'outcome-unknown') unknown += 1
          await new Promise((resolve) => setTimeout(resolve, 20))
        }
      }
    }

    const publishers = Array.from({ length: PUBLISHERS }, (_, i) => publisher(`${i}`, nodes[i % 2]!))
    const reach = async (count: number): Promise<void> => {
      while (acknowledged.size < count) await new Promise(setImmediate)
    }
    for (let round = 0; round < ROUNDS; round += 1) {
      await reach(acknowledged.size + random.int(50, 400))
      await cluster.kafka.stop('SIGKILL')
      await cluster.kafka.start()
    }
    await reach(acknowledged.size + 200)
    done.abort()
    const counts = await Promise.all(publishers)

    const stored = await readAll(nodes[0]!)
    expect(await readAll(nodes[1]!)).toEqual(stored)
    for (const tail of tails) {
      await tail.reach(stored.at(-1)!.offset)
      expect(tail.events).toEqual(stored)
      expect(tail.failures).toEqual([])
    }
    expect(new Map(stored.map(({ data, offset }) => [data, offset])), `TAILRACE_SEED=${seed}`).toEqual(
      acknowledged,
    )
    expect(stored).toHaveLength(acknowledged.size)
    for (const [i, count] of counts.entries()) expect(dataOf(stored, `p/${i}`)).toEqual(expected(i, count))
    for (const node of nodes) await node.close()
    console.log(
      `${stored.length} acknowledged, ${duplicates} of them by a retry; ${unknown} outcomes were unknown`,
    )
  },
)

function dataOf(events: readonly StoredEvent[], topic: string): string[] {
  return events.filter((event) => event.topic === topic).map(({ data }) => data)
}

function expected(publisher: number, count: number): string[] {
  return Array.from({ length: count }, (_, n) => [`${publisher}:${n}a`, `${publisher}:${n}b`]).flat()
}
