import type { HostAndPort } from '@tailrace/log/adapter'
import { createClient, ErrorReply } from '@redis/client'
import { LogError } from '@tailrace/log'

import { toLogError } from './reply-error.ts'
import type { RedisAddress } from './url.ts'

/** How long a connection may take to be established. */
const CONNECT_TIMEOUT_MS = 4_000
/** How long Redis may be silent while a reply is due, in addition to the time for which its command waits in Redis. */
const REPLY_TIMEOUT_MS = 4_000
const WATCH_EVERY_MS = 500

/** What Redis answers to a command. */
export type Reply = string | number | null | readonly Reply[]

/** A command whose reply is due. */
interface Flight {
  readonly waitMs: number
}

/** One connection to one server, which is not established again once it is lost. */
export class Connection {
  /** Resolves with the reason once the connection is of no more use. Never rejects. */
  readonly lost: Promise<LogError>
  readonly #client: ReturnType<typeof createClient<{}, {}, {}, 2>>
  readonly #flights = new Set<Flight>()
  readonly #watchdog: ReturnType<typeof setInterval>
  /** Counted rather than read from a clock: a process that was stopped for a while has not listened. */
  #silentMs = 0
  #lose: (reason: LogError) => void = () => {}
  #reason: LogError | undefined

  private constructor(client: ReturnType<typeof createClient<{}, {}, {}, 2>>) {
    this.#client = client
    this.lost = new Promise((resolve) => (this.#lose = resolve))
    // Without a listener, an error would end the process.
    client.on('error', (error: unknown) => this.end(unreachable('The connection to Redis was lost', error)))
    this.#watchdog = setInterval(() => this.#watch(), WATCH_EVERY_MS)
    this.#watchdog.unref()
  }

  /** @throws LogError */
  static async open(
    { host, port }: HostAndPort,
    { isSecure, user, password, database }: Partial<RedisAddress>,
    signal: AbortSignal,
  ): Promise<Connection> {
    const connection = new Connection(
      createClient({
        RESP: 2,
        ...(user === undefined ? {} : { username: user }),
        ...(password === undefined ? {} : { password }),
        database: database ?? 0,
        disableOfflineQueue: true,
        disableClientInfo: true,
        maintNotifications: 'disabled',
        socket: {
          host,
          port,
          ...(isSecure === true ? { tls: true as const } : {}),
          connectTimeout: CONNECT_TIMEOUT_MS,
          reconnectStrategy: false,
        },
      }),
    )
    let late: LogError | undefined
    const giveUp = (): void => {
      late = new LogError('unreachable', `Redis at ${host}:${port} has not answered in time.`)
      connection.end(late)
    }
    signal.addEventListener('abort', giveUp)
    const timer = setTimeout(giveUp, CONNECT_TIMEOUT_MS)
    try {
      if (signal.aborted) giveUp()
      else await connection.#client.connect()
      if (late !== undefined) throw late
      return connection
    } catch (error) {
      const reason = late ?? whyNot(error, `Redis at ${host}:${port} cannot be reached`)
      connection.end(reason)
      throw reason
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', giveUp)
    }
  }

  /**
   * Sends a command, behind those that were sent before. A command whose reply does not arrive in time ends the
   * connection.
   *
   * @param waitMs how long Redis may wait before it answers
   * @throws LogError `unreachable` if it was not sent, or has no effect; `outcome-unknown` if its reply was lost
   */
  async call(args: readonly string[], waitMs = 0): Promise<Reply> {
    if (this.#reason !== undefined) throw unsent(this.#reason)
    const flight = { waitMs }
    if (this.#flights.size === 0) this.#silentMs = 0
    this.#flights.add(flight)
    try {
      return await this.#client.sendCommand<Reply>(args)
    } catch (error) {
      throw this.#toLogError(error, args[0] ?? '')
    } finally {
      this.#flights.delete(flight)
      this.#silentMs = 0
    }
  }

  /** Ends the connection, for this reason. */
  end(reason: LogError): void {
    if (this.#reason !== undefined) return
    this.#reason = reason
    clearInterval(this.#watchdog)
    this.#lose(reason)
    this.#client.destroy()
  }

  #toLogError(error: unknown, command: string): LogError {
    if (isReply(error)) {
      const { error: reason, isLost } = toLogError(error, command)
      if (isLost) this.end(reason)
      return reason
    }
    this.end(unreachable('The connection to Redis was lost', error))
    return new LogError(
      'outcome-unknown',
      `The connection to Redis was lost before it answered ${command}.`,
      {
        cause: this.#reason,
      },
    )
  }

  #watch(): void {
    const [first] = this.#flights
    if (first === undefined) return
    this.#silentMs += WATCH_EVERY_MS
    if (this.#silentMs <= first.waitMs + REPLY_TIMEOUT_MS) return
    this.end(new LogError('unreachable', `Redis has not answered for ${this.#silentMs} ms.`))
  }
}

function isReply(error: unknown): error is ErrorReply {
  return error instanceof ErrorReply
}

function whyNot(error: unknown, what: string): LogError {
  return isReply(error) ? toLogError(error, 'the login').error : unreachable(what, error)
}

function unsent(reason: LogError): LogError {
  return new LogError('unreachable', reason.message, { cause: reason })
}

function unreachable(what: string, cause: unknown): LogError {
  if (LogError.is(cause)) return cause
  const why = cause instanceof Error ? cause.message : String(cause)
  return new LogError('unreachable', `${what}: ${why || 'no reason given'}.`, { cause })
}
