import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { openSqliteLog, type CompleteEventLog, type NewEvent } from '@tailrace/log'
import { runCli, tempDir } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'

const MEASURE_READ = fileURLToPath(new URL('./programs/measure-read.ts', import.meta.url))
const BATCH = 10_000

/**
 * Makes a log of `count` events: 100 of `one`, and 20 each of `five/0` to `five/4`, spread evenly among those
 * of a thousand other topics.
 */
async function makeLog(path: string, count: number): Promise<void> {
  const log = await openSqliteLog({ path })
  const distance = count / 100
  function event(i: number): NewEvent {
    const data = `event ${i}`
    if (i % distance === 0) return { topic: 'one', data }
    if (i % distance === 1) return { topic: `five/${((i - 1) / distance) % 5}`, data }
    return { topic: `others/${i % 1000}`, data }
  }
  for (let from = 0; from < count; from += BATCH) {
    await log.append(Array.from({ length: BATCH }, (_, i) => event(from + i)))
  }
  await log.close()
}

/**
 * The bytes that a fresh process reads from the file for it: SQLite reads pages with `pread`, so that the
 * kernel counts them, whatever is cached. A scan of the larger log would read a hundred times as much.
 */
async function costOf(path: string, ...selectors: string[]): Promise<number> {
  const { stdout, stderr } = await runCli([path, ...selectors], { main: MEASURE_READ })
  expect(stderr).toBe('')
  const { events, bytes } = JSON.parse(stdout) as { events: number; bytes: number }
  expect(events).toBe(100)
  expect(bytes).toBeGreaterThan(100 * 1000)
  return bytes
}

test(
  'a replay costs the same out of a million events as out of ten thousand',
  { timeout: 180_000 },
  async () => {
    using dir = tempDir()
    const [small, large] = [join(dir.path, 'small.db'), join(dir.path, 'large.db')]
    await makeLog(small, 10_000)
    await makeLog(large, 1_000_000)
    for (const selectors of [['one'], ['five/*'], ['five/0', 'five/1', 'five/2', 'five/3', 'five/4']]) {
      const ratio = (await costOf(large, ...selectors)) / (await costOf(small, ...selectors))
      expect(ratio).toBeLessThanOrEqual(2)
    }
  },
)

describe('a hundred patterns', () => {
  const PATTERNS = Array.from({ length: 100 }, (_, i) => `t/*/y${i}`)

  /** A log with one event in each of many topics, none of which the patterns select. */
  async function openWith(path: string, topics: number): Promise<CompleteEventLog> {
    const log = await openSqliteLog({ path })
    for (let from = 0; from < topics; from += BATCH) {
      await log.append(Array.from({ length: BATCH }, (_, i) => ({ topic: `t/${from + i}/x`, data: '' })))
    }
    return log
  }

  async function msFor(log: CompleteEventLog, after: number): Promise<number> {
    const query = { selectors: PATTERNS, after, limit: 100, maxBytes: 2 ** 20 }
    await log.read(query)
    const began = performance.now()
    for (let i = 0; i < 20; i += 1) await log.read(query)
    return performance.now() - began
  }

  test('cost as much for a page over fifty thousand topics as over ten thousand', async () => {
    using dir = tempDir()
    const small = await openWith(join(dir.path, 'small.db'), 10_000)
    const large = await openWith(join(dir.path, 'large.db'), 50_000)
    expect((await msFor(large, 0)) / (await msFor(small, 0))).toBeLessThan(3)
    await small.close()
    await large.close()
  })

  test('cost next to nothing at the end of the log, and do not hold up others before it', async () => {
    using dir = tempDir()
    const log = await openWith(join(dir.path, 'log.db'), 50_000)
    await log.append([{ topic: 'other', data: 'x' }])
    const { newest } = await log.describe()
    const page = await msFor(log, 0)
    expect(await msFor(log, newest)).toBeLessThan(page / 2)
    // Everything that patterns have to look at, while somebody else reads.
    let slices = 0
    let others = 0
    const done = new AbortController()
    async function readPatterns(): Promise<void> {
      for (let after = 0, more = true; more; slices += 1) {
        const read = await log.read({ selectors: PATTERNS, after, limit: 100, maxBytes: 2 ** 20 })
        ;({ next: after, more } = read)
      }
      done.abort()
    }
    async function readOther(): Promise<void> {
      while (!done.signal.aborted) {
        const { events } = await log.read({ selectors: ['other'], after: 0, limit: 1, maxBytes: 1 })
        others += events.length
      }
    }
    await Promise.all([readPatterns(), readOther()])
    expect(slices).toBeGreaterThan(10)
    expect(others).toBeGreaterThan(slices / 2)
    await log.close()
  })

  test('over many topics that lost something, look at each loss once', async () => {
    using dir = tempDir()
    const path = join(dir.path, 'log.db')
    let log = await openWith(path, 20_000)
    for (let done = false; !done;)
      ({ done } = await log.retention.trim([{ selector: 't/1/**' }, { selector: '**', maxCount: 0 }], 0))
    await log.close()
    log = await openSqliteLog({ path })
    const { newest } = await log.describe()
    const query = { selectors: PATTERNS, after: newest, limit: 100, maxBytes: 2 ** 20 }
    const began = performance.now()
    expect(await log.read(query)).toMatchObject({ events: [], more: false })
    const first = performance.now() - began
    expect((await msFor(log, newest)) / 20).toBeLessThan(first / 3)
    await log.close()
  })
})

test('the keys of a producer that counts cost a commit no page for each topic', async () => {
  using dir = tempDir()
  const log = await openSqliteLog({ path: join(dir.path, 'log.db') })
  const topics = Array.from({ length: 100 }, (_, i) => `topic/${i}`)
  let count = 1_000_000
  const event = (topic: string): NewEvent => ({ topic, data: '', idempotencyKey: `producer.${(count += 1)}` })
  for (let i = 0; i < 100; i += 1) await log.append(topics.map(event))
  async function bytesWritten(batch: readonly NewEvent[]): Promise<number> {
    const before = written()
    await log.append(batch)
    return written() - before
  }
  const plain = await bytesWritten(topics.map((topic) => ({ topic, data: '' })))
  const keyed = await bytesWritten(topics.map(event))
  expect(keyed - plain).toBeLessThan((topics.length * 4096) / 4)
  await log.close()
})

/** What this process has written to files, as the kernel counts it. */
function written(): number {
  return Number(/^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))![1])
}
