import { testSeed } from '@tailrace/testkit'
import { test } from 'vitest'

import { auditKills } from './audit.ts'

// oxlint-disable-next-line vitest/expect-expect -- the audit has them
test('loses, repeats and reorders nothing when the owner is killed', { timeout: 120_000 }, async () => {
  await auditKills({ kills: 3, nodes: 2, seed: testSeed() })
})
