import { testEventLog } from '@tailrace/log-suite'
import { needs, startFlakyProxy, startRedis, type RedisServer } from '@tailrace/testkit'
import { afterAll, beforeAll, describe } from 'vitest'

import { connectTo } from './connect-to.ts'
import { openRedisLog } from '../src/index.ts'

const redis = needs('redis')

describe.skipIf(!redis)('a Redis log', () => {
  let server: RedisServer
  let logs = 0
  beforeAll(async () => {
    server = await startRedis({ appendfsync: 'no' })
  })
  afterAll(() => server[Symbol.asyncDispose]())

  testEventLog(
    'Redis',
    async ({ now }) => {
      logs += 1
      const prefix = `log-${logs}`
      const proxy = await startFlakyProxy({ host: '127.0.0.1', port: server.port })
      const opened = new Set<{ close(): Promise<void> }>()
      async function open(port: number) {
        const log = await openRedisLog({ url: `redis://127.0.0.1:${port}?prefix=${prefix}`, now })
        opened.add(log)
        return log
      }
      const log = await open(proxy.port)
      return {
        log,
        async reopen() {
          await log.close()
          return open(proxy.port)
        },
        join: () => open(server.port),
        async interrupt() {
          proxy.interrupt()
        },
        async restore() {
          proxy.refuse(false)
        },
        async replace() {
          using admin = await connectTo(server)
          await admin.send('FLUSHALL')
          await open(server.port)
        },
        async close() {
          for (const one of opened) await one.close()
          await proxy.close()
        },
      }
    },
    ['snapshots', 'topics', 'retention', 'shared', 'clock', 'reopen', 'join', 'interrupt', 'replace'],
  )
})
