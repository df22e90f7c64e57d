import { join } from 'node:path'

import { openSqliteLog } from '@tailrace/log'
import { createRandom, spawnCli, tempDir, testSeed } from '@tailrace/testkit'
import { expect, test } from 'vitest'

import { killAfter, PUBLISH_UNTIL_KILLED, wholeBatches } from './batches.ts'

const ROUNDS = 20
const MAX_LINES_A_ROUND = 120

test(`keeps whatever it acknowledged over ${ROUNDS} kills`, { timeout: 120_000 }, async () => {
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
