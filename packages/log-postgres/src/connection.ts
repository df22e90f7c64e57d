import { Socket } from 'node:net'

import { LogError } from '@tailrace/log'
import { Client, types, type CustomTypesConfig } from 'pg'

import type { Address } from './address.ts'
import { toLogError } from './errors.ts'

const CONNECT_TIMEOUT_MS = 5_000
/** How long a statement may run on the server, and wait there for the lock of the log. */
const STATEMENT_TIMEOUT_MS = 10_000
const LOCK_TIMEOUT_MS = 5_000
/** Longer than the server's own, so that a statement without an answer means a lost connection. */
const SILENCE_TIMEOUT_MS = 12_000

/** Statements that may wait for their turn on one connection. */
const MAX_WAITING = 4_096

/** Offsets are below 2^53. */
const parsers: CustomTypesConfig = {
  getTypeParser(oid, format) {
    if (oid === types.builtins.INT8) return Number
    return types.getTypeParser(oid, format)
  },
}

// Plans are made once per connection, when tables may still be empty: all of them must use indexes.
const BEGIN = `
  SET search_path = "%schema%", pg_temp; SET client_min_messages = warning; SET timezone = 'UTC';
  SET statement_timeout = ${STATEMENT_TIMEOUT_MS}; SET lock_timeout = ${LOCK_TIMEOUT_MS};
  SET idle_in_transaction_session_timeout = ${STATEMENT_TIMEOUT_MS};
  SET plan_cache_mode = force_generic_plan; SET jit = off;
  SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
  SELECT pg_backend_pid() AS pid, pg_postmaster_start_time()::text AS server_started,
    CASE WHEN current_setting('synchronous_commit') IN ('off', 'local')
      THEN set_config('synchronous_commit', 'on', false) END`

export type Row = Record<string, unknown>

/** A statement, prepared once per connection under its name. */
export interface Statement {
  readonly name: string
  readonly text: string
}

/** One connection to the server, on which statements run one after the other. */
export class Connection {
  readonly #client: Client
  readonly #socket = new Socket()
  readonly #address: Address
  readonly #silenceMs: number
  readonly #lost = Promise.withResolvers<LogError>()
  #serverStarted = ''
  #waiting = 0
  #turn: Promise<void> = Promise.resolve()

  private constructor(address: Address, silenceMs: number) {
    this.#address = address
    this.#silenceMs = silenceMs
    const { host, port, user, password, database, ssl } = address
    this.#client = new Client({
      host,
      port,
      user,
      password,
      database,
      ssl,
      application_name: 'tailrace',
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      types: parsers,
      stream: () => this.#socket,
    })
    this.#client.on('error', (error) => this.#lost.resolve(toLogError(error, address.name)))
    this.#client.on('end', () => this.#lost.resolve(this.#closed()))
  }

  /** @throws LogError if it cannot be opened within 5 s, or the signal is aborted */
  static async open(
    address: Address,
    signal: AbortSignal,
    silenceMs: number = SILENCE_TIMEOUT_MS,
  ): Promise<Connection> {
    const connection = new Connection(address, silenceMs)
    const abort = (): void => connection.close()
    signal.addEventListener('abort', abort)
    try {
      signal.throwIfAborted()
      await connection.#client.connect()
      await connection.#begin()
      return connection
    } catch (error) {
      connection.close()
      throw toLogError(error, address.name)
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  /** Resolves with the reason when it is lost or closed. */
  get lost(): Promise<LogError> {
    return this.#lost.promise
  }

  /** When the server started, as it says: different for each of its lives, and on another server. */
  get serverStarted(): string {
    return this.#serverStarted
  }

  /** Statements that wait for an answer. */
  get waiting(): number {
    return this.#waiting
  }

  /** Calls back for each notification. */
  onNotification(wake: () => void): void {
    this.#client.on('notification', wake)
  }

  /** Runs a statement. @throws the error of the driver, or LogError `busy` if too many wait */
  async run(statement: Statement, values: unknown[] = []): Promise<Row[]> {
    return this.#inTurn(async () => (await this.#client.query<Row>({ ...statement, values })).rows)
  }

  /** Runs statements without values in one transaction. */
  async script(text: string): Promise<void> {
    await this.#inTurn(() => this.#client.query(text))
  }

  /** Ends it at once, whether or not the server can be reached. */
  close(): void {
    this.#lost.resolve(this.#closed())
    // Without a connection, `end` rejects or never settles: the socket is what counts.
    this.#client.end().catch(() => {})
    this.#socket.destroySoon()
  }

  /** Sets the session up, and finds out what is at the other end, in one round trip. */
  async #begin(): Promise<void> {
    // One result for each statement, which the types of the driver do not know of.
    const results: unknown = await this.#inTurn(() =>
      this.#client.query(BEGIN.replace('%schema%', this.#address.schema)),
    )
    const [{ pid, server_started: serverStarted }] = (results as readonly { readonly rows: [Row] }[]).at(
      -1,
    )!.rows
    this.#serverStarted = String(serverStarted)
    // A pooler makes up process ids. It may hand notifications to nobody, and statements to any session.
    const { processID } = this.#client as Client & { readonly processID: number | null }
    if (pid === processID) return
    throw new LogError(
      'incompatible',
      `Between this node and PostgreSQL ${this.#address.name} is a pooler, through which notifications may not arrive: connect to the server itself.`,
    )
  }

  /** Each statement in its turn: the driver has a queue of its own, which it deprecates. */
  async #inTurn<T>(task: () => Promise<T>): Promise<T> {
    if (this.#waiting >= MAX_WAITING) {
      throw new LogError(
        'busy',
        `${MAX_WAITING} statements wait for PostgreSQL ${this.#address.name}: retry later.`,
      )
    }
    this.#waiting += 1
    const result = this.#turn.then(() => this.#withinSilence(task))
    this.#turn = settled(result)
    try {
      return await result
    } finally {
      this.#waiting -= 1
    }
  }

  async #withinSilence<T>(task: () => Promise<T>): Promise<T> {
    // An answer that has arrived is read first, if it was this process that stood still.
    const timer = setTimeout(() => (pause = setImmediate(() => this.#giveUp())), this.#silenceMs)
    let pause: NodeJS.Immediate | undefined
    try {
      return await task()
    } finally {
      clearTimeout(timer)
      clearImmediate(pause)
    }
  }

  /** The server may still run the statement: whatever follows on this connection would wait for it. */
  #giveUp(): void {
    this.#lost.resolve(toLogError(new Error('it did not answer in time'), this.#address.name))
    this.close()
  }

  #closed(): LogError {
    return new LogError('unreachable', `The connection to PostgreSQL ${this.#address.name} is closed.`)
  }
}

async function settled(result: Promise<unknown>): Promise<void> {
  await Promise.allSettled([result])
}
