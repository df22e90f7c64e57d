import { join } from 'node:path'
import { createMemoryLog, openSqliteLog } from '@tailrace/log'
import { tempDir } from '@tailrace/testkit'

import { KAFKA } from './kafka-log.ts'
import { NATS } from './nats-log.ts'
import type { NamedLog } from './open-log.ts'
import { POSTGRES } from './postgres-log.ts'
import { REDIS } from './redis-log.ts'

export type { OpenLog } from './open-log.ts'

/** The logs that every behaviour must be the same on. */
export const LOGS: readonly NamedLog[] = [
  [
    'memory',
    async () => {
      const log = createMemoryLog()
      return { log, [Symbol.asyncDispose]: () => log.close() }
    },
  ],
  [
    'SQLite',
    async () => {
      const dir = tempDir()
      const log = await openSqliteLog({ path: join(dir.path, 'tailrace.db') })
      return {
        log,
        async [Symbol.asyncDispose]() {
          await log.close()
          dir[Symbol.dispose]()
        },
      }
    },
  ],
  ...REDIS,
  ...POSTGRES,
  ...NATS,
  ...KAFKA,
]
