import { isPassing, LogError } from './errors.ts'
import { FIRST_PAUSE_MS, pause } from './pause.ts'
import { TailListeners } from './tail-listeners.ts'

/** The longest pause between attempts to connect, unless the log has another one. */
const MAX_PAUSE_MS = 5_000
/** A session that is lost earlier counts as an attempt that failed: an engine may accept every one and then end it. */
const MIN_SESSION_MS = 1_000

/** One connection to an engine, from the handshake until it is lost. */
export interface Session {
  /** Resolves with the reason once the connection is of no more use. Never rejects. */
  readonly lost: Promise<LogError>
  /** Releases everything at once, connected or not. Must not reject. */
  close(): Promise<void>
}

/** How a log connects to its engine, and when it gives up. */
export interface EngineConnectionOptions<S extends Session> {
  /**
   * Connects, and checks the engine: its version, its settings, the identity of the log. Must give up after a bounded
   * time, and when the signal is aborted, and then leave nothing open.
   *
   * Rejects with a LogError. `replaced` ends the log for good. Any other error during an interruption is its new
   * reason. `unreachable` also lets a log open before its engine can be reached; others, such as `unauthorized`, do not.
   */
  connect(signal: AbortSignal): Promise<S>
  /** Called with each session, after the tails were told that the interruption is over: begins to report events. */
  connected(session: S): void
  /** The longest pause between attempts to connect, in milliseconds, before it is varied. @defaultValue 5 seconds */
  readonly maxPauseMs?: number | undefined
}

/** Keeps a node connected to its engine, and tells its tails whether it is. */
export class EngineConnection<S extends Session> {
  readonly tails: TailListeners = new TailListeners()
  readonly #options: EngineConnectionOptions<S>
  readonly #closing = new AbortController()
  #session: S | undefined
  /** Why there is no session. */
  #reason = new LogError('unreachable', 'The log is still connecting to its engine.')
  #running: Promise<void> | undefined

  private constructor(options: EngineConnectionOptions<S>) {
    this.#options = options
  }

  /** Resolves when the engine is connected, or cannot be reached now. @throws LogError for any other failure */
  static async open<S extends Session>(options: EngineConnectionOptions<S>): Promise<EngineConnection<S>> {
    const connection = new EngineConnection(options)
    const session = await connection.#connect()
    if (session === undefined && !isPassing(connection.#reason)) throw connection.#reason
    connection.#running = connection.#run(session)
    return connection
  }

  /** The live session. @throws LogError with the reason why there is no session: `closed`, `replaced`, `unreachable` … */
  get session(): S {
    if (this.#session !== undefined) return this.#session
    throw this.#reason
  }

  /** Why there is no session. Undefined while there is one. */
  get reason(): LogError | undefined {
    return this.#session === undefined ? this.#reason : undefined
  }

  /** Safe to call twice. From now on, `session` throws `closed`. */
  async close(): Promise<void> {
    const session = this.#session
    this.#session = undefined
    this.#reason = new LogError('closed', 'The log is closed.')
    this.#closing.abort()
    this.tails.clear()
    await session?.close()
    await this.#running
  }

  /** Ends the log for good, because it is not the one that was opened. */
  fail(error: LogError): void {
    if (this.#closing.signal.aborted) return
    const session = this.#session
    this.#session = undefined
    this.#reason = error
    this.#closing.abort()
    this.tails.failed(error)
    void session?.close()
  }

  async #run(first: S | undefined): Promise<void> {
    let session = first
    let pauseMs = FIRST_PAUSE_MS
    while (!this.#closing.signal.aborted) {
      if (session === undefined) {
        await pause(pauseMs, this.#closing.signal)
        pauseMs = Math.min(pauseMs * 2, this.#options.maxPauseMs ?? MAX_PAUSE_MS)
        session = await this.#connect()
        continue
      }
      const connectedAt = performance.now()
      this.#session = session
      this.tails.resumed()
      this.#options.connected(session)
      const reason = await session.lost
      await session.close()
      session = undefined
      if (performance.now() - connectedAt >= MIN_SESSION_MS) pauseMs = FIRST_PAUSE_MS
      if (this.#closing.signal.aborted) return
      this.#session = undefined
      this.#reason = reason
      this.tails.interrupted(reason)
    }
    await session?.close()
  }

  /** Undefined, with the reason noted, if that fails. */
  async #connect(): Promise<S | undefined> {
    try {
      return await this.#options.connect(this.#closing.signal)
    } catch (error) {
      const reason = LogError.is(error)
        ? error
        : new LogError('cannot-open', `The log cannot be opened: ${String(error)}`, { cause: error })
      if (reason.code === 'replaced') this.fail(reason)
      else if (!this.#closing.signal.aborted) this.#reason = reason
      return undefined
    }
  }
}
