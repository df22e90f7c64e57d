import { testSeed } from '@tailrace/testkit'
import { test } from 'vitest'

import { auditKills } from './audit.ts'

// oxlint-disable-next-line vitest/expect-expect -- the audit has them
test(
  'loses, repeats and reorders nothing when the owner is killed 60 times',
  { timeout: 900_000 },
  async () => {
    await auditKills({ kills: 60, nodes: 4, seed: testSeed() })
  },
)
