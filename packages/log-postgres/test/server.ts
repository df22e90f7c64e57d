import { startPostgres, type Postgres, type PostgresOptions } from '@tailrace/testkit'
import { Client } from 'pg'
import { afterAll, beforeAll } from 'vitest'

/** One server for a test file. */
export function useServer(options: PostgresOptions = {}): {
  readonly server: Postgres
  /** The URL of a log of a test's own. */
  nextUrl(port?: number): string
} {
  let server: Postgres
  let logs = 0
  beforeAll(async () => {
    server = await startPostgres({ fsync: false, ...options })
  }, 60_000)
  afterAll(() => server[Symbol.asyncDispose](), 60_000)
  return {
    get server() {
      return server
    },
    nextUrl(port = server.port) {
      logs += 1
      const url = new URL(server.url)
      url.port = String(port)
      url.searchParams.set('schema', `log_${logs}`)
      return url.href
    },
  }
}

export function schemaOf(url: string): string {
  return new URL(url).searchParams.get('schema')!
}

/** A connection of an application, closed when disposed. */
export interface Application extends AsyncDisposable {
  /** Runs SQL, in which `tailrace` is the schema of the log. @returns the rows */
  run(sql: string, values?: unknown[]): Promise<Record<string, unknown>[]>
  readonly pid: number
}

export async function connect(url: string, role?: string): Promise<Application> {
  const { pathname, hostname, port, username, password } = new URL(url)
  const client = new Client({
    host: hostname,
    port: Number(port),
    user: role ?? username,
    password: decodeURIComponent(password) || undefined,
    database: pathname.slice(1),
  })
  // The server may be killed by a test.
  client.on('error', () => {})
  await client.connect()
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  return {
    pid: rows[0]!.pid,
    async run(sql, values = []) {
      const result = await client.query<Record<string, unknown>>(
        sql.replaceAll(/(?<!')tailrace\./g, `${schemaOf(url)}.`),
        values.length === 0 ? undefined : values,
      )
      return result.rows
    },
    async [Symbol.asyncDispose]() {
      await client.end()
    },
  }
}
