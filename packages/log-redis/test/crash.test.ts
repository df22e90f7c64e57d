import { readdirSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'

import { LogError, type CompleteEventLog } from '@tailrace/log'
import { createRandom, needs, testSeed, type RedisServer } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'

import { follow, readAll, texts } from './readers.ts'
import { open, start } from './start.ts'

const redis = needs('redis')
const isLong = process.env['TAILRACE_LONG'] === '1'
const ROUNDS = isLong ? 20 : 3
const WRITERS = 16
const EVENTS_A_ROUND = 400

/** Publishes each event until it is acknowledged. A repeat has the same idempotency key. */
async function publishUntilStored(log: CompleteEventLog, data: string, topic: string): Promise<number> {
  for (;;) {
    try {
      const [appended] = await log.append([{ topic, data, idempotencyKey: data }])
      return appended!.offset
    } catch (error) {
      if (!LogError.is(error) || !['unreachable', 'outcome-unknown'].includes(error.code)) throw error
      await new Promise(setImmediate)
    }
  }
}

describe.skipIf(!redis)('a Redis that is killed, with appendfsync always', () => {
  test(
    'loses, repeats and reorders nothing of what many writers were told is stored',
    { timeout: 600_000 },
    async () => {
      const random = createRandom(testSeed())
      const server = await start({ appendfsync: 'always' })
      const nodes = [await open(server), await open(server)]
      const { epoch } = await nodes[0]!.describe()
      const tails = await Promise.all(nodes.map(follow))
      const acknowledged = new Map<string, number>()
      for (let round = 0; round < ROUNDS; round += 1) {
        const over = new AbortController()
        const target = acknowledged.size + EVENTS_A_ROUND
        const writers = Array.from({ length: WRITERS }, async (_, writer) => {
          let last = 0
          for (let i = 0; !over.signal.aborted; i += 1) {
            const data = `${round}.${writer}.${i}`
            const offset = await publishUntilStored(nodes[writer % 2]!, data, `t/${writer % 5}`)
            expect(offset).toBeGreaterThan(last)
            last = offset
            acknowledged.set(data, offset)
          }
        })
        await expect.poll(() => acknowledged.size, { interval: random.int(1, 20) }).toBeGreaterThan(target)
        await server.kill()
        await server.start()
        await expect.poll(() => acknowledged.size).toBeGreaterThan(target + EVENTS_A_ROUND / 2)
        over.abort()
        await Promise.all(writers)
      }
      const stored = await readAll(nodes[0]!)
      expect((await nodes[1]!.describe()).epoch).toBe(epoch)
      expect(new Set(texts(stored)).size).toBe(stored.length)
      expect(stored.length).toBe(acknowledged.size)
      for (const { data, offset } of stored) expect(acknowledged.get(data)).toBe(offset)
      for (const tail of tails) {
        await tail.until((events) => events.length >= stored.length)
        expect(tail.events).toEqual(stored)
      }
    },
  )
})

/** What the death of a machine does to a file that was not synchronized: its end is missing. */
function cutFile(server: RedisServer, bytes: number): void {
  const folder = join(server.path, 'appendonlydir')
  const name = readdirSync(folder).find((file) => file.endsWith('.incr.aof'))!
  const file = join(folder, name)
  truncateSync(file, Math.max(0, statSync(file).size - bytes))
}

describe.skipIf(!redis)('a Redis whose machine dies, with appendfsync everysec', () => {
  test('loses nothing without another epoch', { timeout: 600_000 }, async () => {
    const random = createRandom(testSeed())
    const server = await start({ appendfsync: 'everysec' })
    let losses = 0
    for (let round = 0; round < ROUNDS; round += 1) {
      const log = await open(server)
      const before = await log.describe()
      const acknowledged: number[] = []
      const tail = await follow(log)
      const over = new AbortController()
      const writers = Array.from({ length: WRITERS }, async (_, writer) => {
        for (let i = 0; !over.signal.aborted; i += 1) {
          acknowledged.push(await publishUntilStored(log, `${round}.${writer}.${i}`, 't').catch(() => 0))
          if (acknowledged.at(-1) === 0) return
        }
      })
      await expect.poll(() => acknowledged.length).toBeGreaterThan(EVENTS_A_ROUND)
      await server.kill()
      cutFile(server, round % 3 === 1 ? 0 : random.int(1_000, 60_000))
      await server.start()
      await Promise.race([tail.resumed, tail.failure])
      over.abort()
      await Promise.all(writers)
      const after = await open(server)
      const { epoch } = await after.describe()
      const stored = new Set((await readAll(after)).map(({ offset }) => offset))
      const lost = acknowledged.filter((offset) => offset > 0 && !stored.has(offset))
      expect(lost.length === 0 || epoch !== before.epoch).toBe(true)
      losses += lost.length
      await log.close()
      await after.close()
    }
    expect(losses).toBeGreaterThan(0)
  })
})
