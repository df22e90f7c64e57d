import type { CompleteEventLog } from '@tailrace/log'
import { needs, startRedis, type RedisServer } from '@tailrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { openRedisLog } from '../src/index.ts'
import { connectTo, type Admin } from './connect-to.ts'
import { follow } from './readers.ts'

const redis = needs('redis')

/** The commands that Redis executes for a task, inside scripts too: each is a bounded number of rows. */
async function commandsOf(admin: Admin, task: () => Promise<unknown>): Promise<number> {
  await admin.send('CONFIG', 'RESETSTAT')
  await task()
  const stats = String(await admin.send('INFO', 'commandstats'))
  return [...stats.matchAll(/cmdstat_([a-z|]+):calls=(\d+)/g)]
    .filter(([, name]) => !['config|resetstat', 'info', 'xread', 'hmget'].includes(name!))
    .reduce((sum, [, , calls]) => sum + Number(calls), 0)
}

describe.skipIf(!redis)('the cost of reading a Redis log', () => {
  let server: RedisServer
  let admin: Admin
  const logs: CompleteEventLog[] = []
  /** A log in which 100 events of `one` and 100 of `few/*` are spread among many of others. */
  async function fill(count: number): Promise<CompleteEventLog> {
    const log = await openRedisLog({ url: `${server.url}?prefix=log-${count}` })
    logs.push(log)
    const distance = count / 100
    for (let from = 0; from < count; from += 5_000) {
      const batch = Array.from({ length: Math.min(5_000, count - from) }, (_, i) => {
        const place = (from + i) % distance
        const topic = place === 0 ? 'one' : place === 1 ? `few/${i % 5}` : `others/${i % 2_000}`
        return { topic, data: 'x' }
      })
      await log.append(batch)
    }
    // Its own tail has read all of it by then.
    await follow(log)
    return log
  }
  beforeAll(async () => {
    server = await startRedis({ appendfsync: false })
    admin = await connectTo(server)
  })
  afterAll(async () => {
    for (const log of logs) await log.close()
    admin[Symbol.dispose]()
    await server[Symbol.asyncDispose]()
  })

  test('depends on the matches, and not on the number of other events', async () => {
    const [small, large] = [await fill(2_000), await fill(40_000)]
    for (const selectors of [['one'], ['few/*'], ['few/0', 'few/1', 'one']]) {
      const costOf = (log: CompleteEventLog): Promise<number> =>
        commandsOf(admin, async () => {
          const page = await log.read({ selectors, after: 0, limit: 200, maxBytes: 2 ** 20 })
          expect(page.events.length).toBeGreaterThan(30)
        })
      const before = await costOf(small)
      expect((await costOf(large)) / before).toBeLessThan(2)
    }
  })

  test('of a description does not depend on the number of purges before the first event', async () => {
    const log = await openRedisLog({ url: `${server.url}?prefix=purges` })
    logs.push(log)
    await log.append(Array.from({ length: 100 }, (_, i) => ({ topic: `t/${i}`, data: '' })))
    for (let i = 0; i < 100; i += 1) await log.retention.purge(`t/${i}`)
    for (let isDone = false; !isDone;) isDone = (await log.retention.trim([], Date.now())).done
    expect(await log.describe()).toMatchObject({ oldest: 101, newest: 100 })
    await log.append([{ topic: 't', data: '' }])
    expect(await commandsOf(admin, () => log.describe())).toBeLessThan(8)
    expect(await log.describe()).toMatchObject({ oldest: 101, newest: 101 })
  })

  test('of one page is bounded, however few events match', async () => {
    const log = await fill(40_000 + 100)
    const page = { selectors: ['others/*/none', 'others/*'], after: 0, limit: 10_000, maxBytes: 2 ** 20 }
    const cost = await commandsOf(admin, async () => {
      const { events, more } = await log.read(page)
      expect([events.length <= 512, more]).toEqual([true, true])
    })
    expect(cost).toBeLessThan(600)
    const { newest } = await log.describe()
    expect(await commandsOf(admin, () => log.read({ ...page, after: newest }))).toBeLessThan(10)
  })
})
