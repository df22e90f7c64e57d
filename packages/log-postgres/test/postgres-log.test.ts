import { testEventLog, type OpenedLog } from '@tailrace/log-suite'
import type { EventLog } from '@tailrace/log'
import { mintEpoch, mintSecret } from '@tailrace/log/adapter'
import { openPostgresLog } from '@tailrace/log-postgres'
import { needs, startFlakyProxy, startPostgres, type Postgres } from '@tailrace/testkit'
import { Client } from 'pg'
import { afterAll, beforeAll, describe } from 'vitest'

const postgres = needs('postgres')

let server: Postgres
let admin: Client
let logs = 0
/** Schemas of logs that were closed and emptied, which costs a tenth of creating one. */
const spare: string[] = []

/** Leaves what a new log has, with another identity. */
async function empty(schema: string): Promise<void> {
  await admin.query(`
    SET search_path = ${schema};
    DO $$
    DECLARE
      one regclass;
    BEGIN
      FOR one IN
        SELECT oid FROM pg_class WHERE relnamespace = '${schema}'::regnamespace AND relkind = 'r'
          AND relname NOT IN ('log', 'lease')
      LOOP
        EXECUTE format('DELETE FROM %s', one);
      END LOOP;
    END $$;
    UPDATE log SET epoch = '${mintEpoch()}', secret = '${mintSecret()}', server_started = 'epoch',
      removed_through = DEFAULT, losses = DEFAULT, floor = DEFAULT, floor_at = DEFAULT;
    UPDATE lease SET holder = '', until = '-infinity', probe = 0;
    SELECT setval('seqs', 0)`)
}

describe.skipIf(!postgres)('PostgreSQL', () => {
  beforeAll(async () => {
    server = await startPostgres({ fsync: false })
    admin = new Client({ connectionString: server.url })
    await admin.connect()
  }, 60_000)
  afterAll(async () => {
    await admin.end()
    await server[Symbol.asyncDispose]()
  }, 60_000)

  testEventLog(
    'PostgreSQL',
    async ({ now }): Promise<OpenedLog> => {
      logs += 1
      const schema = spare.pop() ?? `log_${logs}`
      let isReplaced = false
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
          proxy.interrupt()
        },
        async restore() {
          proxy.refuse(false)
        },
        async replace() {
          isReplaced = true
          await admin.query(`DROP SCHEMA ${schema} CASCADE`)
        },
        async close() {
          for (const one of opened) await one.close()
          await proxy.close()
          if (isReplaced) return
          await empty(schema)
          spare.push(schema)
        },
      }
    },
    ['snapshots', 'topics', 'retention', 'shared', 'clock', 'reopen', 'join', 'interrupt', 'replace'],
  )
})
