import { testEventLog, type OpenedLog } from '@tailrace/log-suite'
import type { EventLog } from '@tailrace/log'
import { openPostgresLog } from '@tailrace/log-postgres'
import { needs, startFlakyProxy, startPostgres, type Postgres } from '@tailrace/testkit'
import { afterAll, beforeAll, describe } from 'vitest'

const postgres = needs('postgres')

let server: Postgres
let logs = 0

describe.skipIf(!postgres)('PostgreSQL', () => {
  beforeAll(async () => {
    server = await startPostgres({ fsync: false })
  }, 60_000)
  afterAll(() => server[Symbol.asyncDispose](), 60_000)

  testEventLog(
    'PostgreSQL',
    async ({ now }): Promise<OpenedLog> => {
      logs += 1
      const schema = `log_${logs}`
      const proxy = await startFlakyProxy({ host: '127.0.0.1', port: server.port })
      const opened: EventLog[] = []
      async function open(port: number): Promise<EventLog> {
        const url = `postgres://postgres@127.0.0.1:${port}/postgres?schema=${schema}`
        const log = await openPostgresLog({ url, now })
        opened.push(log)
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
          proxy.refuse(true)
          proxy.cutAll()
        },
        async restore() {
          proxy.refuse(false)
        },
        async replace() {
          await server.query(`DROP SCHEMA ${schema} CASCADE`)
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
