import { join } from 'node:path'

import { openSqliteLog } from '@tailrace/log'
import { tempDir } from '@tailrace/testkit'
import { testEventLog } from '@tailrace/log-suite'

testEventLog(
  'SQLite log',
  async ({ now }) => {
    const dir = tempDir()
    const path = join(dir.path, 'log.db')
    let log = await openSqliteLog({ path, now })
    return {
      log,
      async reopen() {
        await log.close()
        log = await openSqliteLog({ path, now })
        return log
      },
      async close() {
        await log.close()
        dir[Symbol.dispose]()
      },
    }
  },
  ['snapshots', 'topics', 'retention', 'shared', 'clock', 'reopen'],
)
