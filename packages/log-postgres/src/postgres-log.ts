import { LogError, type CompleteEventLog } from '@tailrace/log'
import { Durability, EngineConnection, type DurabilityOptions } from '@tailrace/log/adapter'

import { parseAddress } from './address.ts'
import { Appender } from './appender.ts'
import type { Row, Statement } from './connection.ts'
import { isEndOfSession, isRefusal, toLogError } from './errors.ts'
import { listNotes, note } from './notes.ts'
import { Pages } from './pages.ts'
import { openSession, type Known, type PostgresSession } from './session.ts'
import { Tailer } from './tailer.ts'
import { endsOf, listTopics } from './topics.ts'
import { Trimmer } from './trimmer.ts'

const DESCRIBE: Statement = {
  name: 'describe',
  text: `
    WITH head AS MATERIALIZED (SELECT epoch, newest() AS newest FROM log)
    SELECT head.*, coalesce((SELECT min(seq) FROM events), newest + 1) AS oldest FROM head`,
}
const PURGE: Statement = { name: 'purge', text: 'SELECT purge($1, $2) AS number' }
const PROBE: Statement = { name: 'probe', text: 'UPDATE lease SET probe = probe + 1' }

export interface PostgresLogOptions extends DurabilityOptions {
  /**
   * `postgres://user:password@host:5432/database?schema=tailrace&sslmode=disable`. The schema is created if necessary.
   * `sslmode` is `disable` (the default), `require` (encrypted, with any certificate) or `verify-full`.
   */
  readonly url: string
  /** Instead of the password in the URL. */
  readonly password?: string | undefined
  /** The wall clock, in milliseconds. @defaultValue that of the server, which is the same for all nodes */
  readonly now?: (() => number) | undefined
}

/**
 * A log in a schema of a PostgreSQL database, 13 or newer, for any number of nodes. Applications publish to it from
 * their own transactions with the SQL function `publish`.
 *
 * Resolves also if the server cannot be reached: the log keeps trying.
 *
 * @throws RangeError for an invalid URL
 * @throws LogError `unauthorized`, `incompatible`, `foreign`, `read-only`, `not-durable`, `corrupt` or `cannot-open`
 */
export async function openPostgresLog(options: PostgresLogOptions): Promise<CompleteEventLog> {
  const { url, password, now } = options
  const address = parseAddress(url, password)
  const durability = new Durability(options)
  let known: Known | undefined
  let isClosed = false
  const running = new Set<Promise<unknown>>()

  // The first session begins before there is a connection, and tails.
  let first: PostgresSession | undefined
  let follow = (session: PostgresSession): void => void (first = session)
  const connection = await EngineConnection.open<PostgresSession>({
    async connect(signal) {
      const session = await openSession(address, signal, durability, known)
      known ??= session.known
      known = { ...session.known, newest: Math.max(known.newest, session.known.newest) }
      return session
    },
    connected: (session) => follow(session),
  })
  let tailer: Tailer | undefined
  follow = (session) => {
    tailer ??= new Tailer(connection.tails, session, see)
    tailer.follow(session)
  }
  if (first !== undefined) follow(first)
  const appender = new Appender(() => connection.session, address.name, now)
  const pages = new Pages()
  const trimmer = new Trimmer()

  /** Remembers what this node has seen of the log. */
  function see(offset: number): void {
    if (known !== undefined && offset > known.newest) known = { ...known, newest: offset }
  }

  function assertOpen(): void {
    if (isClosed) throw new LogError('closed', `The log in PostgreSQL ${address.name} is closed.`)
  }

  /** Runs a call that `close` waits for. */
  async function call<T>(task: (session: PostgresSession) => Promise<T>, isWrite = false): Promise<T> {
    assertOpen()
    const result = run(task, isWrite)
    running.add(result)
    try {
      return await result
    } finally {
      running.delete(result)
    }
  }

  async function run<T>(task: (session: PostgresSession) => Promise<T>, isWrite: boolean): Promise<T> {
    const { session } = connection
    try {
      return await task(session)
    } catch (error) {
      const reason = toLogError(error, address.name)
      if (isEndOfSession(reason)) session.lose(reason)
      if (isWrite && reason.code === 'unreachable' && !isRefusal(error))
        throw new LogError('outcome-unknown', `The outcome is unknown. ${reason.message}`, {
          cause: error,
          details: reason.details,
        })
      throw reason
    }
  }

  async function query(statement: Statement): Promise<Row> {
    const [row] = await call((session) => session.read(statement, []))
    return row!
  }

  return {
    append: (batch) =>
      call(async () => {
        const appended = await appender.append(batch)
        for (const { offset } of appended) see(offset)
        return appended
      }),

    read: (asked) => call((session) => pages.read(session, asked, 'all')),

    async tail(listener) {
      return call(async () => {
        const { session } = connection
        await tailer?.reach(known?.newest ?? 0)
        if (tailer === undefined || connection.session !== session) throw await session.lost
        return { after: tailer.position, stop: connection.tails.add(listener) }
      })
    },

    async describe() {
      const { epoch, oldest, newest } = await query(DESCRIBE)
      see(newest as number)
      return { epoch: epoch as string, oldest: oldest as number, newest: newest as number }
    },

    ready: () => call(async ({ keeper }) => void (await keeper.run(PROBE))),

    async close() {
      isClosed = true
      await Promise.allSettled([...running, appender.settle()])
      if (connection.reason === undefined) await trimmer.letGo(connection.session).catch(() => {})
      await connection.close()
    },

    snapshots: { read: (asked) => call((session) => pages.read(session, asked, 'newest')) },

    topics: {
      list: (asked) => call((session) => listTopics(session, asked)),
      ended: (topics) => call((session) => endsOf(session, topics)),
    },

    retention: {
      trim: (rules, at) => call((session) => trimmer.step(session, rules, at)),
      purge: (topic) =>
        call(async ({ keeper, known: { epoch } }) => {
          const [row] = await keeper.run(PURGE, [epoch, topic])
          const number = row!['number'] as number | null
          // From then on, this node gives nothing of the topic to anybody.
          if (number !== null) await tailer?.reachPurge(number)
          return number !== null
        }, true),
    },

    shared: {
      secret: () => call(async ({ secret }) => secret),
      note: (one) => call((session) => note(session, one, now?.()), true),
      notes: (asked) => call((session) => listNotes(session, asked, now?.())),
    },
  }
}
