import { createMemoryLog } from '@tailrace/log'
import { testEventLog } from '@tailrace/testkit/log-suite'
import { describe, expect, test } from 'vitest'

testEventLog(
  'memory log',
  async ({ now }) => {
    const log = createMemoryLog({ now })
    return { log, close: () => log.close() }
  },
  ['clock'],
)

describe('the bound of a memory log', () => {
  const everything = { selectors: ['**'], after: 0, limit: 100_000, maxBytes: 2 ** 30 }

  test('drops the oldest events of any topic, and says so', async () => {
    const log = createMemoryLog({ maxLength: 100_000 })
    for (let i = 0; i < 1000; i += 1) {
      await log.append([{ topic: `t/${i % 3}`, data: 'x'.repeat(1000), key: `${i % 5}` }])
      const page = await log.read(everything)
      expect(page.events.reduce((sum, { data }) => sum + data.length, 0)).toBeLessThanOrEqual(100_000)
      expect(page.events.at(-1)!.offset).toBe(i + 1)
      expect(page.lostThrough).toBe(page.events[0]!.offset - 1)
    }
    expect((await log.describe()).oldest).toBeGreaterThan(900)
  })

  test('keeps at least half of what it may hold', async () => {
    const log = createMemoryLog({ maxLength: 100_000 })
    for (let i = 0; i < 1000; i += 1) await log.append([{ topic: 'a', data: 'x'.repeat(1000) }])
    const { events } = await log.read(everything)
    expect(events.length).toBeGreaterThan(50)
  })

  test('holds against a flood of empty events', async () => {
    const log = createMemoryLog({ maxLength: 100_000 })
    for (let i = 0; i < 100; i += 1) {
      await log.append(Array.from({ length: 100 }, () => ({ topic: 'a', data: '' })))
    }
    expect((await log.read(everything)).events.length).toBeLessThan(1000)
  })

  test('holds against a flood of idempotency keys, of which the oldest are forgotten', async () => {
    const log = createMemoryLog({ maxLength: 100_000 })
    const publish = async (n: number): Promise<boolean> => {
      const [appended] = await log.append([{ topic: 'a', data: '', idempotencyKey: `key ${n}` }])
      return appended!.duplicate
    }
    for (let n = 0; n < 1000; n += 1) await publish(n)
    expect(await publish(999)).toBe(true)
    expect(await publish(0)).toBe(false)
  })

  test('keeps the newest event, however large', async () => {
    const log = createMemoryLog({ maxLength: 1000 })
    for (const data of ['a', 'b']) await log.append([{ topic: data, data: data.repeat(5000) }])
    const { events } = await log.read(everything)
    expect(events.map(({ topic }) => topic)).toEqual(['b'])
  })

  test('tells the tail of an event that it drops at once', async () => {
    const log = createMemoryLog({ maxLength: 1000 })
    const told: number[] = []
    await log.tail({
      events: (events) => told.push(...events.map(({ offset }) => offset)),
      purged: () => {},
      failed: () => {},
    })
    await log.append(Array.from({ length: 20 }, () => ({ topic: 'a', data: 'x'.repeat(100) })))
    expect(told).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
    expect((await log.read(everything)).events.length).toBeLessThan(20)
  })
})
