import { JetStreamApiError, jetstreamManager, type ApiError, type JetStreamManager } from '@nats-io/jetstream'
import { errors, type NatsConnection } from '@nats-io/transport-node'
import { LogError } from '@tailrace/log'
import type { Durability } from '@tailrace/log/adapter'
import type { Consumer, Consumption, Sequencer, SequencerDescription } from '@tailrace/log-sequencer'

import { connectTo } from './connect.ts'
import { notPermitted, toLogError } from './errors.ts'
import { hazardsOf } from './hazards.ts'
import type { NatsAddress } from './nats-url.ts'
import { startOrderedConsumer } from './ordered-consumer.ts'
import { createStream, findStream, type LogStream } from './stream.ts'

/** A connection that is not complete by then is given up. */
const CONNECT_TIMEOUT_MS = 5_000
/** NATS has not answered a request by then: it may have stored a record, or not. */
const ANSWER_TIMEOUT_MS = 5_000

export interface NatsSequencerOptions {
  readonly address: NatsAddress
  readonly durability: Durability
  /** Whether a stream that does not exist is created. */
  readonly mayCreate: boolean
}

interface Answer {
  readonly seq?: number
  readonly error?: ApiError
}

/** One connection to NATS, and the stream that puts the records of a log in order. */
export class NatsSequencer implements Sequencer {
  readonly lost: Promise<LogError>
  readonly #lose: (reason: LogError) => void
  readonly #connection: NatsConnection
  readonly #manager: JetStreamManager
  readonly #stream: LogStream

  private constructor(connection: NatsConnection, manager: JetStreamManager, stream: LogStream) {
    this.#connection = connection
    this.#manager = manager
    this.#stream = stream
    const { promise, resolve } = Promise.withResolvers<LogError>()
    this.lost = promise
    this.#lose = resolve
    void this.#watchConnection()
    void this.#watchPermissions()
  }

  /** @throws LogError */
  static async connect(
    { address, durability, mayCreate }: NatsSequencerOptions,
    signal: AbortSignal,
  ): Promise<NatsSequencer> {
    const ends = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_TIMEOUT_MS)])
    const connection = await connectTo(address, ends)
    const giveUp = (): void => void connection.close()
    ends.addEventListener('abort', giveUp)
    try {
      const manager = await jetstreamManager(connection, { checkAPI: false, timeout: ANSWER_TIMEOUT_MS })
      const found = await findStream(connection, manager, address.stream)
      if (found === undefined && !mayCreate) throw deleted(address.stream)
      const stream = found ?? (await createStream(connection, manager, address))
      durability.assert(hazardsOf(connection, stream.info, address))
      return new NatsSequencer(connection, manager, stream)
    } catch (error) {
      await connection.close()
      if (!ends.aborted) throw error
      throw new LogError('unreachable', 'NATS did not answer in time: JetStream may have no leader yet.', {
        cause: error,
      })
    } finally {
      ends.removeEventListener('abort', giveUp)
    }
  }

  async append(bytes: Uint8Array): Promise<number> {
    const limit = this.#maxRecordBytes
    if (bytes.length > limit) {
      throw new LogError(
        'too-large',
        `A record of ${bytes.length} bytes is larger than NATS accepts: ${limit}.`,
        {
          details: { limit },
        },
      )
    }
    try {
      const message = await this.#connection.request(this.#stream.subject, bytes, {
        timeout: ANSWER_TIMEOUT_MS,
      })
      const { seq, error } = message.json<Answer>()
      if (error !== undefined) throw new JetStreamApiError(error)
      return seq!
    } catch (error) {
      throw toLogError(error, 'write')
    }
  }

  async consume(after: number, consumer: Consumer): Promise<Consumption> {
    const { newest } = await this.describe()
    // NATS would wait until the stream has reached the position, and leave out what comes before.
    if (after > newest) {
      throw new LogError(
        'replaced',
        `NATS has forgotten records: its newest one is ${newest}, not ${after}.`,
        {
          details: { newest, after },
        },
      )
    }
    return startOrderedConsumer({
      connection: this.#connection,
      manager: this.#manager,
      stream: this.#name,
      after,
      consumer,
      lost: this.#lose,
    })
  }

  async describe(): Promise<SequencerDescription> {
    const stream = await findStream(this.#connection, this.#manager, this.#name)
    if (stream === undefined) throw deleted(this.#name)
    const { first_seq: first, last_seq: newest, messages } = stream.info.state
    return {
      identity: stream.identity,
      oldest: messages === 0 ? newest + 1 : first,
      newest,
      maxRecordBytes: this.#maxRecordBytes,
    }
  }

  async trim(through: number): Promise<void> {
    try {
      await this.#manager.streams.purge(this.#name, { seq: through + 1 })
    } catch (error) {
      throw toLogError(error, 'write')
    }
  }

  async close(): Promise<void> {
    await this.#connection.close()
  }

  get #name(): string {
    return this.#stream.info.config.name
  }

  get #maxRecordBytes(): number {
    const { max_msg_size: ofStream } = this.#stream.info.config
    const ofServer = this.#connection.info?.max_payload ?? Infinity
    return ofStream > 0 ? Math.min(ofStream, ofServer) : ofServer
  }

  async #watchConnection(): Promise<void> {
    const error = await this.#connection.closed()
    const why = error instanceof Error ? `: ${error.message}` : ''
    this.#lose(new LogError('unreachable', `The connection to NATS was lost${why}.`, { cause: error }))
  }

  /** A denied publish is an answer to its request. Anything else that is denied would only be noticed as silence. */
  async #watchPermissions(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type !== 'error' || !(status.error instanceof errors.PermissionViolationError)) continue
      const { operation, subject } = status.error
      if (operation === 'subscription' || subject.startsWith('$JS.FC.'))
        this.#lose(notPermitted(status.error))
    }
  }
}

function deleted(stream: string): LogError {
  return new LogError('replaced', `The stream "${stream}" was deleted.`, { details: { stream } })
}
