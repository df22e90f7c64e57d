import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { openSqliteLog, type NewEvent } from '@tailrace/log'
import { runCli, tempDir } from '@tailrace/testkit'
import { expect, test } from 'vitest'

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

test('a replay costs the same out of a million events as out of ten thousand', async () => {
  using dir = tempDir()
  const [small, large] = [join(dir.path, 'small.db'), join(dir.path, 'large.db')]
  await makeLog(small, 10_000)
  await makeLog(large, 1_000_000)
  for (const selectors of [['one'], ['five/*'], ['five/0', 'five/1', 'five/2', 'five/3', 'five/4']]) {
    const ratio = (await costOf(large, ...selectors)) / (await costOf(small, ...selectors))
    expect(ratio).toBeLessThanOrEqual(2)
  }
})
