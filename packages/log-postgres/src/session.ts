import { LogError } from '@tailrace/log'
import { type Durability, mintEpoch, type Session } from '@tailrace/log/adapter'

import type { Address } from './address.ts'
import { Connection, type Row, type Statement } from './connection.ts'
import { toLogError } from './errors.ts'
import { hazardsOf } from './hazards.ts'
import { migrate } from './migrate.ts'

/** Connections that read pages. */
const READERS = 2
/** The tail asks once a second, so an answer that takes longer than this will not come. */
const TAIL_SILENCE_MS = 5_000

const JOIN = {
  name: 'join',
  text: `
    SELECT epoch, secret, term, server_started::text AS server_started, newest, last_purge
    FROM join_log($1, $2, $3::timestamptz, $4, $5)`,
}

/** What a node knows of the log, by which it recognizes it after an interruption. */
export interface Known {
  readonly epoch: string
  readonly term: number
  readonly serverStarted: string
  /** The newest offset that the node has seen or learned of. */
  readonly newest: number
}

interface Joined {
  readonly known: Known
  readonly secret: string
  /** The number of the newest purge. */
  readonly lastPurge: number
}

/** The connections of a node to the server, each for statements of one kind, so that they do not wait for each other. */
export interface PostgresSession extends Session, Joined {
  /** Of the server, for messages. */
  readonly name: string
  /** Reads new events, and receives notifications. */
  readonly tail: Connection
  /** Stores batches, one group after the other. */
  readonly writer: Connection
  /** Retention, purges and notes. */
  readonly keeper: Connection
  /** Ends the session, for this reason. */
  lose(reason: LogError): void
  /** Runs a statement on the connection with the fewest waiting. */
  read(statement: Statement, values: unknown[]): Promise<Row[]>
}

/** @throws LogError; `replaced` if the log is another one than the one that is known, or an earlier state of it */
export async function openSession(
  address: Address,
  signal: AbortSignal,
  durability: Durability,
  known: Known | undefined,
): Promise<PostgresSession> {
  const opened: Connection[] = []
  const lost = Promise.withResolvers<LogError>()
  async function open(silenceMs?: number): Promise<Connection> {
    const connection = await Connection.open(address, signal, silenceMs)
    opened.push(connection)
    void connection.lost.then(lost.resolve)
    return connection
  }
  async function openAnother(serverStarted: string): Promise<Connection> {
    const connection = await open()
    if (connection.serverStarted === serverStarted) return connection
    throw new LogError('unreachable', `The connections to ${address.name} lead to different servers.`)
  }
  async function close(): Promise<void> {
    for (const connection of opened) connection.close()
  }

  try {
    const tail = await open(TAIL_SILENCE_MS)
    await migrate(tail, address, known !== undefined)
    durability.assert(await hazardsOf(tail))
    await tail.script(`LISTEN "tailrace_${address.schema}"`)
    const joined = await join(tail, known)
    if (known !== undefined && joined.known.epoch !== known.epoch) {
      throw new LogError(
        'replaced',
        `The log in the schema ${address.schema} of ${address.name} is another one, or went back in time.`,
        { details: { epoch: joined.known.epoch, before: known.epoch } },
      )
    }
    const { serverStarted } = joined.known
    const [writer, keeper, ...readers] = (await Promise.all(
      Array.from({ length: READERS + 2 }, () => openAnother(serverStarted)),
    )) as [Connection, Connection, ...Connection[]]
    return {
      ...joined,
      name: address.name,
      tail,
      writer,
      keeper,
      read: (statement, values) =>
        readers.reduce((least, one) => (one.waiting < least.waiting ? one : least)).run(statement, values),
      lost: lost.promise,
      lose: lost.resolve,
      close,
    }
  } catch (error) {
    await close()
    throw toLogError(error, address.name)
  }
}

async function join(tail: Connection, known: Known | undefined): Promise<Joined> {
  const { epoch, term, serverStarted, newest } = known ?? {}
  const [row] = (await tail.run(JOIN, [epoch, term, serverStarted, newest, mintEpoch()])) as [Row]
  return {
    known: {
      epoch: String(row['epoch']),
      term: Number(row['term']),
      serverStarted: String(row['server_started']),
      newest: Number(row['newest']),
    },
    secret: String(row['secret']),
    lastPurge: Number(row['last_purge']),
  }
}
