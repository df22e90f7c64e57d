import type { CompleteEventLog } from '@tailrace/log'
import { startRedis, type RedisOptions, type RedisServer } from '@tailrace/testkit'
import { onTestFinished } from 'vitest'

import { openRedisLog, type RedisLogOptions } from '../src/index.ts'

/** A server of the test's own. */
export async function start(options?: RedisOptions): Promise<RedisServer> {
  const server = await startRedis(options)
  onTestFinished(() => server[Symbol.asyncDispose]())
  return server
}

/** A log that is closed with the test. */
export async function open(
  { url }: { readonly url: string },
  options: Omit<RedisLogOptions, 'url'> = {},
): Promise<CompleteEventLog> {
  const log = await openRedisLog({ ...options, url })
  onTestFinished(() => log.close())
  return log
}
