import { join } from 'node:path'
import { createMemoryLog, openSqliteLog } from '@tailrace/log'
import type { CompleteEventLog } from '@tailrace/log'
import { openRedisLog } from '@tailrace/log-redis'
import { needs, startRedis, tempDir, type RedisServer } from '@tailrace/testkit'
import { afterAll } from 'vitest'
import { waitForEcho } from './wait-for-echo.ts'

/** A log of a test's own, and what it leaves behind. */
export interface OpenLog extends AsyncDisposable {
  readonly log: CompleteEventLog
}

const hasRedis = needs('redis')

/** One for the whole file; each log has its own keys. */
let redis: Promise<RedisServer> | undefined
let redisLogs = 0

afterAll(async () => (await redis)?.[Symbol.asyncDispose]())

async function openInRedis(): Promise<OpenLog> {
  redis ??= startRedis({ appendfsync: false })
  redisLogs += 1
  const log = await openRedisLog({ url: `${(await redis).url}?prefix=log-${redisLogs}` })
  return { log: await waitForEcho(log), [Symbol.asyncDispose]: () => log.close() }
}

type NamedLog = readonly [name: string, open: () => Promise<OpenLog>]

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
  ...(hasRedis ? [['Redis', openInRedis] as const] : []),
]
