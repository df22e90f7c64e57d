import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { openSqliteLog, type StoredEvent } from '@tailrace/log'
import { createRandom, spawnCli, tempDir, testSeed, type CliProcess } from '@tailrace/testkit'
import { expect, test } from 'vitest'

const PUBLISH_UNTIL_KILLED = fileURLToPath(new URL('./programs/publish-until-killed.ts', import.meta.url))
const ROUNDS = 20
const MAX_LINES_A_ROUND = 120

/** What its lines say was acknowledged: the batch, and the offsets of its events. */
async function killAfter(child: CliProcess, count: number): Promise<[batch: string, offsets: number[]][]> {
  expect(await child.nextLine()).toBe('open')
  const lines: string[] = []
  while (lines.length < count) lines.push(await child.nextLine())
  await child.kill('SIGKILL')
  // What it printed before it died is acknowledged as well.
  for (;;) {
    const line = await child.nextLine().catch(() => undefined)
    if (line === undefined) break
    lines.push(line)
  }
  return lines.map((line) => {
    const [batch, offsets] = line.split(' ') as [string, string]
    return [batch, offsets.split(',').map(Number)]
  })
}

/** Runs of events of one batch, by the batch's name. A batch that is torn or scattered is a failure. */
function wholeBatches(events: readonly StoredEvent[]): Map<string, number[]> {
  const batches = new Map<string, number[]>()
  for (let i = 0; i < events.length;) {
    const [batch, , size] = events[i]!.data.split(' ') as [string, string, string]
    const run = events.slice(i, i + Number(size))
    expect(run.map(({ data }) => data.split(' ').slice(0, 2))).toEqual(
      Array.from({ length: Number(size) }, (_, n) => [batch, `${n}`]),
    )
    expect(batches.has(batch)).toBe(false)
    batches.set(
      batch,
      run.map(({ offset }) => offset),
    )
    i += run.length
  }
  return batches
}

test(`keeps whatever it acknowledged over ${ROUNDS} kills`, async () => {
  const seed = testSeed()
  const random = createRandom(seed)
  using dir = tempDir()
  const path = join(dir.path, 'log.db')
  const acknowledged = new Map<string, number[]>()
  let newest = 0
  for (let round = 0; round < ROUNDS; round += 1) {
    await using child = spawnCli([path, `${round}`], { main: PUBLISH_UNTIL_KILLED })
    for (const [batch, offsets] of await killAfter(child, random.int(0, MAX_LINES_A_ROUND))) {
      expect(offsets[0], `TAILRACE_SEED=${seed}`).toBeGreaterThan(newest)
      acknowledged.set(batch, offsets)
    }
    newest = Math.max(newest, ...[...acknowledged.values()].flat())
  }
  expect(acknowledged.size).toBeGreaterThan(ROUNDS)

  const log = await openSqliteLog({ path })
  const { events } = await log.read({ selectors: ['**'], after: 0, limit: 1_000_000, maxBytes: 2 ** 40 })
  await log.close()
  const stored = wholeBatches(events)
  const kept = [...acknowledged.keys()].map((batch) => [batch, stored.get(batch)])
  expect(kept, `TAILRACE_SEED=${seed}`).toEqual([...acknowledged])
})
