import { openSqliteLog } from '@tailrace/log'
import { testEventLog } from '@tailrace/log-suite'

import { ABILITIES, openVia } from './open-owned.ts'

testEventLog(
  'a SQLite log of another process',
  openVia((path, now) => openSqliteLog({ path, now })),
  ABILITIES,
)
