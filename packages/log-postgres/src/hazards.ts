import type { Connection, Row } from './connection.ts'

const SETTINGS = {
  name: 'settings',
  text: `
    SELECT current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,
      current_setting('synchronous_standby_names') AS synchronous_standby_names,
      (SELECT count(*) FROM pg_stat_replication) AS standbys,
      (SELECT string_agg(relname, ', ') FROM pg_class
       WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relpersistence <> 'p'
         AND relname <> 'staged') AS unlogged`,
}

/** The settings of the server that could lose acknowledged events, one sentence each. */
export async function hazardsOf(connection: Connection): Promise<string[]> {
  const [row] = (await connection.run(SETTINGS)) as [Row & { readonly unlogged: string | null }]
  const hazards: string[] = []
  if (row['fsync'] === 'off')
    hazards.push('PostgreSQL has fsync = off: a power cut can lose or damage the whole log. Set fsync = on.')
  if (row['full_page_writes'] === 'off')
    hazards.push(
      'PostgreSQL has full_page_writes = off: a power cut can damage the log. Set full_page_writes = on.',
    )
  if (row.unlogged !== null)
    hazards.push(
      `Tables of the log are unlogged (${row.unlogged}): a crash empties them. Use ALTER TABLE … SET LOGGED.`,
    )
  if (row['synchronous_standby_names'] === '' && Number(row['standbys']) > 0)
    hazards.push(
      'PostgreSQL has standbys, and none of them is synchronous: a failover can lose the newest events. Set synchronous_standby_names.',
    )
  return hazards
}
