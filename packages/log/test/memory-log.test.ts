import { createMemoryEngine, createMemoryLog } from '@tailrace/log'
import type { CompleteEventLog, EventLog, Page, StoredEvent } from '@tailrace/log'
import { testEventLog } from '@tailrace/log-suite'
import { describe, expect, test } from 'vitest'

const MAX_LENGTH = 16 * 1024 * 1024

testEventLog(
  'memory log',
  async ({ now }) => {
    const engine = createMemoryEngine({ now, maxLength: MAX_LENGTH })
    const nodes = [engine.open()]
    const [log] = nodes as [CompleteEventLog]
    return {
      log,
      async join() {
        const node = engine.open()
        nodes.push(node)
        return node
      },
      shed: async () => void (await log.append([{ topic: 'large', data: 'x'.repeat(MAX_LENGTH) }])),
      async close() {
        for (const node of nodes) await node.close()
      },
    }
  },
  ['snapshots', 'topics', 'retention', 'shared', 'clock', 'join', 'shed'],
)

describe('the bound of a memory log', () => {
  /** Reads on where a page ended early, as it may on a busy machine. */
  async function everythingOf(log: EventLog): Promise<Page> {
    const events: StoredEvent[] = []
    for (let after = 0; ;) {
      const page = await log.read({ selectors: ['**'], after, limit: 100_000, maxBytes: 2 ** 30 })
      events.push(...page.events)
      if (!page.more) return { ...page, events }
      after = page.next
    }
  }

  test('drops the oldest events of any topic, and says so', async () => {
    const log = createMemoryLog({ maxLength: 100_000 })
    for (let i = 0; i < 1000; i += 1) {
      await log.append([{ topic: `t/${i % 3}`, data: 'x'.repeat(1000), key: `${i % 5}` }])
      const page = await everythingOf(log)
      expect(page.events.reduce((sum, { data }) => sum + data.length, 0)).toBeLessThanOrEqual(100_000)
      expect(page.events.at(-1)!.offset).toBe(i + 1)
      expect(page.lostThrough).toBe(page.events[0]!.offset - 1)
    }
    expect((await log.describe()).oldest).toBeGreaterThan(900)
  })

  test('keeps at least half of what it may hold', async () => {
    const log = createMemoryLog({ maxLength: 100_000 })
    for (let i = 0; i < 1000; i += 1) await log.append([{ topic: 'a', data: 'x'.repeat(1000) }])
    const { events } = await everythingOf(log)
    expect(events.length).toBeGreaterThan(50)
  })

  test('holds against a flood of empty events', async () => {
    const log = createMemoryLog({ maxLength: 100_000 })
    for (let i = 0; i < 100; i += 1) {
      await log.append(Array.from({ length: 100 }, () => ({ topic: 'a', data: '' })))
    }
    expect((await everythingOf(log)).events.length).toBeLessThan(1000)
  })

  test('forgets idempotency keys at the same cost, however many it holds', async () => {
    const held = 100_000
    const log = createMemoryLog({ maxLength: held * (256 + 'a\n123456'.length) })
    let n = 100_000
    async function cpuOf(events: number): Promise<number> {
      const before = process.threadCpuUsage()
      for (let left = events; left > 0; left -= 1_000) {
        const batch = Array.from({ length: 1_000 }, () => ({
          topic: 'a',
          data: '',
          idempotencyKey: `${(n += 1)}`,
        }))
        await log.append(batch)
      }
      const { user, system } = process.threadCpuUsage(before)
      return user + system
    }
    const filling = await cpuOf(held)
    const forgetting = await cpuOf(held)
    expect(forgetting / filling).toBeLessThan(4)
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
    const { events } = await everythingOf(log)
    expect(events.map(({ topic }) => topic)).toEqual(['b'])
  })

  test('tells the tail of an event that it drops at once', async () => {
    const log = createMemoryLog({ maxLength: 1000 })
    const told: number[] = []
    await log.tail({
      events: (events) => told.push(...events.map(({ offset }) => offset)),
      purged: () => {},
      lost() {},
      interrupted: () => {},
      resumed: () => {},
      failed: () => {},
    })
    await log.append(Array.from({ length: 20 }, () => ({ topic: 'a', data: 'x'.repeat(100) })))
    expect(told).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
    expect((await everythingOf(log)).events.length).toBeLessThan(20)
  })
})

describe('the cost of a memory log', () => {
  const RULES = [
    { selector: 'none/*', maxCount: 1 },
    { selector: '**', maxCount: 2 },
  ]

  async function fill(topics: number): Promise<CompleteEventLog> {
    const log = createMemoryLog({ now: () => 0 })
    const batch = Array.from({ length: topics }, (_, i) => ({ topic: `t/${i}/x`, data: 'x' }))
    for (let i = 0; i < 8; i += 1) await log.append(batch)
    return log
  }

  async function trimAll(log: CompleteEventLog): Promise<number[]> {
    const steps: number[] = []
    for (let done = false; !done;) {
      const step = await log.retention.trim(RULES, 0)
      steps.push(step.removed)
      done = step.done
    }
    return steps
  }

  test('of a round of retention is about that of publishing what it removes, however many topics there are', async () => {
    const began = performance.now()
    const log = await fill(16_000)
    const filled = performance.now()
    const steps = await trimAll(log)
    const trimmed = performance.now()
    expect(Math.max(...steps)).toBeLessThan(1100)
    expect(steps.reduce((sum, removed) => sum + removed, 0)).toBe(16_000 * 6)
    expect((trimmed - filled) / (filled - began)).toBeLessThan(6)
  })

  test('of a publish is the same once the log is full, and each one drops the oldest event', async () => {
    const held = 100_000
    const log = createMemoryLog({ maxLength: held * 257 })
    const batch = Array.from({ length: 1000 }, () => ({ topic: 'a', data: 'x' }))

    async function publishAndDescribe(): Promise<number> {
      const began = performance.now()
      for (let i = 0; i < 2000; i += 1) {
        await log.append([{ topic: 'a', data: 'x' }])
        await log.describe()
      }
      return performance.now() - began
    }

    await publishAndDescribe()
    const empty = await publishAndDescribe()
    // Nearly half of what it ever held is gone, and yet to be dropped.
    for (let i = 0; i < (1.9 * held) / batch.length; i += 1) await log.append(batch)
    const full = await publishAndDescribe()
    expect((await log.describe()).oldest).toBeGreaterThan(0.9 * held)
    expect(full / empty).toBeLessThan(20)
  })

  test('of a page with patterns does not grow with the topics, and others have their turn', async () => {
    const log = await fill(10_000)
    const selectors = Array.from({ length: 100 }, (_, i) => `t/*/y${i}`)
    const query = { selectors, after: 0, limit: 100, maxBytes: 2 ** 20 }
    let turns = 0
    const timer = setInterval(() => (turns += 1), 0)
    let pages = 0
    for (let after = 0, more = true; more; pages += 1)
      ({ next: after, more } = await log.read({ ...query, after }))
    clearInterval(timer)
    expect(pages).toBeGreaterThan(10)
    expect(turns).toBeGreaterThan(5)
  })

  test('of memory does not grow with topics that come and go', async () => {
    const log = createMemoryLog({ now: () => 0 })
    for (let round = 0; round < 12; round += 1) {
      const batch = Array.from({ length: 2000 }, (_, i) => ({ topic: `tmp/${round}/${i}`, data: 'x' }))
      await log.append(batch)
      for (let done = false; !done;)
        ({ done } = await log.retention.trim([{ selector: '**', maxCount: 0 }], 0))
    }
    const page = await log.read({ selectors: ['audit/**'], after: 0, limit: 1, maxBytes: 1 })
    // Of 24,000 topics, 10,000 are still known one by one, and one number stands for the others.
    expect(page).toMatchObject({ lostThrough: 14_000, events: [] })
    expect(await log.topics.list({ prefix: '', after: '', limit: 10 })).toEqual([])
  })

  test('of a list of topics is that of its page, in the order of code points, whatever comes and goes', async () => {
    const log = createMemoryLog({ now: () => 0 })
    const names = ['\u{1f600}', '\uffee', 'b', 'a', 'ab', 'a/b']
    await log.append(names.map((topic) => ({ topic, data: '' })))
    const list = async (after: string, prefix = ''): Promise<string[]> =>
      (await log.topics.list({ prefix, after, limit: 3 })).map(({ topic }) => topic)
    expect(await list('')).toEqual(['a', 'a/b', 'ab'])
    await log.append([{ topic: 'aa', data: '' }])
    await log.retention.purge('ab')
    expect(await list('a/b')).toEqual(['aa', 'b', '\uffee'])
    expect(await list('', 'a')).toEqual(['a', 'a/b', 'aa'])
    expect(await list('b')).toEqual(['\uffee', '\u{1f600}'])
  })
})
