import { openRedisLog } from '@tailrace/log-redis'
import { needs, startRedis, type RedisServer } from '@tailrace/testkit'
import { afterAll } from 'vitest'

import type { NamedLog, OpenLog } from './open-log.ts'
import { waitForEcho } from './wait-for-echo.ts'

let starting: Promise<RedisServer> | undefined
let logs = 0

afterAll(async () => (await starting)?.[Symbol.asyncDispose]())

async function openOnRedis(): Promise<OpenLog> {
  starting ??= startRedis({ appendfsync: false })
  logs += 1
  const log = await openRedisLog({ url: `${(await starting).url}?prefix=log-${logs}` })
  return { log: await waitForEcho(log), [Symbol.asyncDispose]: () => log.close() }
}

/** A log under a prefix of its own, on the one server of a test file. Absent where there is no Redis. */
export const REDIS: readonly NamedLog[] = needs('redis') ? [['Redis', openOnRedis]] : []
