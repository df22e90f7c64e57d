import type { HostAndPort } from '@tailrace/log/adapter'
import { apiVersionsV3, Connection, type API } from '@platformatic/kafka'
import { LogError } from '@tailrace/log'

import { toLogError } from './errors.ts'
import type { Credentials } from './kafka-url.ts'
import { assertSupported } from './versions.ts'

/** For a connection, with its handshakes. */
const CONNECT_TIMEOUT_MS = 2_000
/** A broker that does not answer a request for that long is lost, and every request takes less. */
const ANSWER_TIMEOUT_MS = 5_000
/** The driver would also give up if an answer is there, and this process was too busy to read it. */
const NEVER_MS = 2 ** 31 - 1
const CLIENT = 'tailrace'

/** How all brokers of a cluster are reached. */
export interface Access {
  readonly credentials: Credentials | undefined
  readonly usesTls: boolean
  /** Certificates to trust, in PEM, instead of those of the system. */
  readonly ca: string | undefined
}

/** One connection to one broker. */
export class Broker {
  /** Resolves with the reason once the connection is closed. */
  readonly lost: Promise<LogError>
  readonly #connection: Connection
  #reason = 'it closed the connection'

  private constructor(connection: Connection, server: HostAndPort) {
    this.#connection = connection
    this.lost = new Promise((resolve) => {
      connection.on('error', ({ cause, message }) => {
        // The driver leaves it open when a broker no longer accepts the credentials.
        this.#giveUp(cause instanceof Error ? cause.message : message)
      })
      connection.once('close', () => {
        resolve(new LogError('unreachable', `The Kafka broker ${nameOf(server)} is lost: ${this.#reason}.`))
      })
    })
  }

  /** @throws LogError `unreachable`, `unauthorized`, `incompatible` */
  static async connect(server: HostAndPort, access: Access, signal: AbortSignal): Promise<Broker> {
    signal.throwIfAborted()
    const { credentials, usesTls, ca } = access
    const connection = new Connection(CLIENT, {
      connectTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: NEVER_MS,
      ...(usesTls && { tls: ca === undefined ? {} : { ca } }),
      ...(credentials && {
        sasl: {
          mechanism: credentials.mechanism,
          username: credentials.user,
          password: credentials.password,
        },
      }),
    })
    const broker = new Broker(connection, server)
    const abort = (): void => void broker.close()
    signal.addEventListener('abort', abort)
    try {
      await connection.connect(server.host, server.port)
      const { apiKeys } = await broker.call(apiVersionsV3.api, CLIENT, '1')
      assertSupported(apiKeys, nameOf(server))
      signal.throwIfAborted()
      return broker
    } catch (error) {
      await broker.close()
      throw toLogError(error, `be reached at ${nameOf(server)}`, 'read')
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  /** @throws the driver's errors; LogError `unreachable` if nothing was sent */
  async call<Request extends unknown[], Response>(
    api: API<Request, Response>,
    ...request: Request
  ): Promise<Response> {
    // A broker may ask for the credentials again from time to time, and accepts nothing else meanwhile.
    if (this.#connection.status === 'reauthenticating') await this.#connection.ready()
    if (!this.#connection.isConnected()) throw await this.lost
    let isAnswered = false
    // Once this process has read what has arrived.
    const lookAgain = (): void => {
      setImmediate(() => {
        if (!isAnswered) this.#giveUp(`it did not answer for ${ANSWER_TIMEOUT_MS / 1_000} s`)
      })
    }
    const timer = setTimeout(lookAgain, ANSWER_TIMEOUT_MS)
    try {
      return await api.async(this.#connection, ...request)
    } finally {
      isAnswered = true
      clearTimeout(timer)
    }
  }

  #giveUp(reason: string): void {
    this.#reason = reason
    this.#connection.socket?.destroy()
  }

  async close(): Promise<void> {
    const closed = this.#connection.close()
    // What is still to be sent has no use, and a peer that is gone would never accept it.
    this.#connection.socket?.destroy()
    await closed
  }
}

function nameOf({ host, port }: HostAndPort): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
