import { createMemoryLog } from '@tailrace/log'
import { testEventLog } from '@tailrace/log-suite'

import { ABILITIES, openVia } from './open-owned.ts'

testEventLog(
  'a memory log of another process',
  openVia(async (_, now) => createMemoryLog({ now })),
  ABILITIES,
)
