import { IDEMPOTENCY_WINDOW_MS, type CompleteEventLog, type RetentionRule } from '@tailrace/log'
import { needs, startRedis, type RedisServer } from '@tailrace/testkit'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { connectTo, type Admin } from './connect-to.ts'
import { publish, readAll } from './readers.ts'
import { open } from './start.ts'

const redis = needs('redis')
const NOW = 2_000_000_000_000

/** Runs retention to its end. @returns what each step removed */
async function trimAll(log: CompleteEventLog, rules: readonly RetentionRule[], now = NOW): Promise<number[]> {
  const steps: number[] = []
  for (let isDone = false; !isDone;) {
    const { removed, done } = await log.retention.trim(rules, now)
    steps.push(removed)
    isDone = done
  }
  return steps
}

describe.skipIf(!redis)('retention in Redis', () => {
  let server: RedisServer
  let admin: Admin
  let log: CompleteEventLog
  let time = NOW
  beforeAll(async () => {
    server = await startRedis({ appendfsync: false })
    admin = await connectTo(server)
  })
  beforeEach(async () => {
    await admin.send('FLUSHALL')
    time = NOW
    log = await open(server, { now: () => time })
  })
  afterAll(async () => {
    admin[Symbol.dispose]()
    await server[Symbol.asyncDispose]()
  })

  test('removes a purged topic in small steps, and nothing of it can be read before that', async () => {
    for (let i = 0; i < 5; i += 1)
      await log.append(Array.from({ length: 1_000 }, (_, j) => ({ topic: 'a', key: `${j % 700}`, data: '' })))
    await publish(log, 'kept', 'b')
    await log.retention.purge('a')
    expect(await admin.send('XLEN', '{tailrace}:log')).toBeGreaterThan(5_000)
    for (const selector of ['a', '*', '**']) {
      expect((await readAll(log, selector)).filter(({ topic }) => topic === 'a')).toEqual([])
    }
    const steps = await trimAll(log, [])
    expect(Math.max(...steps)).toBeLessThanOrEqual(256)
    expect(steps.reduce((sum, removed) => sum + removed, 0)).toBe(5_000)
    expect(await admin.send('EXISTS', '{tailrace}:purges', '{tailrace}:state:a', '{tailrace}:events:a')).toBe(
      0,
    )
  })

  test('removes much in small steps', async () => {
    await log.append(Array.from({ length: 2_000 }, (_, i) => ({ topic: `t/${i % 3}`, data: 'x' })))
    const steps = await trimAll(log, [{ selector: '**', maxBytes: 10 }])
    expect(Math.max(...steps)).toBeLessThanOrEqual(128)
    expect(await readAll(log)).toHaveLength(30)
  })

  test('leaves no keys of topics whose events and idempotency keys are gone', async () => {
    const before = (await admin.send('KEYS', '*')) as string[]
    for (let i = 0; i < 300; i += 1) {
      await log.append([{ topic: `t/${i}`, data: '', key: 'k', idempotencyKey: 'once' }])
    }
    await log.shared.note({ key: 'note', until: NOW + 1 })
    await trimAll(log, [{ selector: '**', maxAgeMs: 0 }], NOW + IDEMPOTENCY_WINDOW_MS)
    const after = (await admin.send('KEYS', '*')) as string[]
    const rows = after.filter((key) => key.startsWith('{tailrace}:topic:'))
    expect(rows).toHaveLength(300)
    const rest = after.filter((key) => !rows.includes(key) && !before.includes(key))
    expect(rest.toSorted()).toEqual(['{tailrace}:gone', '{tailrace}:lossy'])
  })

  test('bounds the idempotency keys of a topic by its bytes, the oldest first', async () => {
    const rules = [{ selector: 'a', maxBytes: 10_000 }]
    for (let i = 0; i < 300; i += 1) {
      time = NOW + i
      await log.append([{ topic: 'a', data: '', idempotencyKey: `${i}` }])
    }
    await trimAll(log, rules, time)
    const again = await Promise.all(
      [0, 299].map((i) => log.append([{ topic: 'a', data: '', idempotencyKey: `${i}` }])),
    )
    expect(again.map(([appended]) => appended!.duplicate)).toEqual([false, true])
    expect(Number(await admin.send('ZSCORE', '{tailrace}:answered', 'a'))).toBeLessThan(10_100)
  })

  test('keeps the rows of a bounded number of topics without events, and a bound for the others', async () => {
    const topics = Array.from({ length: 10_100 }, (_, i) => `t/${i}`)
    for (let i = 0; i < topics.length; i += 2_000) {
      await log.append(topics.slice(i, i + 2_000).map((topic) => ({ topic, data: '' })))
    }
    await trimAll(log, [{ selector: '**', maxCount: 0 }])
    expect(await admin.send('ZCARD', '{tailrace}:gone')).toBe(10_000)
    const { newest } = await log.describe()
    for (const selector of ['t/0', 't/10099', 't/*']) {
      const page = await log.read({ selectors: [selector], after: 0, limit: 1, maxBytes: 1 })
      expect(page.lostThrough).toBeGreaterThan(0)
      expect(page.lostThrough).toBeLessThanOrEqual(newest)
    }
  })

  test('is left to one node until its lease ends', async () => {
    const other = await open(server)
    await log.append(Array.from({ length: 1_000 }, () => ({ topic: 'a', data: '' })))
    const rules = [{ selector: '**', maxCount: 0 }]
    expect((await log.retention.trim(rules, NOW)).removed).toBeGreaterThan(0)
    expect(await other.retention.trim(rules, NOW)).toEqual({ removed: 0, done: true })
    expect(Number(await admin.send('PTTL', '{tailrace}:lease'))).toBeGreaterThan(0)
    await admin.send('DEL', '{tailrace}:lease')
    expect((await other.retention.trim(rules, NOW)).removed).toBeGreaterThan(0)
  })
})
