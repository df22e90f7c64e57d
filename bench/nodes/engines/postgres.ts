import { startPostgres } from '@tailrace/testkit'
import { type Engine, withPids } from './engine.ts'

const COUNTERS = `
  select (select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()),
    (select xact_commit from pg_stat_database where datname = 'postgres')`

/** Every commit is on disk before it is acknowledged: `fsync` and `synchronous_commit` are on, as by default. */
export async function startPostgresEngine(): Promise<Engine> {
  const { server, pids } = await withPids(() => startPostgres({ settings: { max_connections: '200' } }))
  return {
    url: server.url,
    port: server.port,
    pids,
    async counters() {
      const [connections = 0, reads = 0] = (await server.query(COUNTERS)).split('|').map(Number)
      // It does not show which of its sessions listen.
      return { connections, waiting: Number.NaN, reads }
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}
