import {
  FetchIsolationLevels,
  listOffsetsV7,
  ListOffsetTimestamps,
  deleteRecordsV2,
} from '@platformatic/kafka'
import { LogError } from '@tailrace/log'
import type { Consumer, Consumption, Sequencer, SequencerDescription } from '@tailrace/log-sequencer'

import { Appends, maxRecordBytes } from './appends.ts'
import type { Broker } from './broker.ts'
import { apiErrorOf, toLogError } from './errors.ts'
import { fetchRecords, placeAfter, type Place } from './fetching.ts'
import type { Topic } from './topic.ts'

/** A request now and then: a silent network is noticed, and brokers do not close the connection because it is idle. */
const KEEP_ALIVE_MS = 2_000
const DELETE_TIMEOUT_MS = 4_000
const CLIENT_REPLICA = -1
const ANY_EPOCH = -1

/** What a node knows of a topic from one connection to the next. */
export interface Memory {
  /** Where it has read up to. */
  place: Place | undefined
  /** Why no connection is of use again. */
  end: LogError | undefined
}

export interface KafkaSequencerOptions {
  readonly topic: Topic
  /** Two connections to the leader, because a broker answers one request of a connection after another. */
  readonly commands: Broker
  readonly fetching: Broker
  /** The `max.message.bytes` of the topic. */
  readonly maxBatchBytes: number
  readonly memory: Memory
}

/** Two connections to the leader of a topic with one partition. The position of a record is its offset plus one. */
export class KafkaSequencer implements Sequencer {
  readonly lost: Promise<LogError>
  readonly #options: KafkaSequencerOptions
  readonly #appends: Appends
  readonly #keepAlive: NodeJS.Timeout
  readonly #lose: (reason: LogError) => void
  #isClosed = false

  constructor(options: KafkaSequencerOptions) {
    const { topic, commands, fetching, maxBatchBytes } = options
    this.#options = options
    const { promise, resolve } = Promise.withResolvers<LogError>()
    this.lost = promise
    this.#lose = (reason) => {
      const { code, message } = reason
      this.#appends.end(
        code === 'outcome-unknown' ? new LogError('unreachable', message, { cause: reason }) : reason,
      )
      resolve(reason)
    }
    this.#appends = new Appends({ broker: commands, topic: topic.name, maxBatchBytes, lost: this.#lose })
    void Promise.race([commands.lost, fetching.lost]).then(this.#lose)
    // Its failure is that of the connection.
    this.#keepAlive = setInterval(() => void this.describe().catch(() => {}), KEEP_ALIVE_MS)
    this.#keepAlive.unref()
  }

  async append(bytes: Uint8Array): Promise<number> {
    const limit = maxRecordBytes(this.#options.maxBatchBytes)
    if (bytes.length > limit) {
      const message = `A record of ${bytes.length} bytes is larger than the topic accepts: ${limit} (max.message.bytes).`
      throw new LogError('too-large', message, { details: { limit } })
    }
    return this.#appends.append(bytes)
  }

  async consume(after: number, consumer: Consumer): Promise<Consumption> {
    const { memory } = this.#options
    const place = memory.place?.offset === after ? memory.place : placeAfter(after)
    const stopping = new AbortController()
    void this.#follow(place, consumer, stopping.signal)
    return { stop: async () => stopping.abort() }
  }

  async describe(): Promise<SequencerDescription> {
    const { topic, maxBatchBytes } = this.#options
    const [start, end] = await Promise.all([
      this.#offset(ListOffsetTimestamps.EARLIEST),
      this.#offset(ListOffsetTimestamps.LATEST),
    ])
    return {
      identity: topic.identity,
      oldest: start + 1,
      newest: end,
      maxRecordBytes: maxRecordBytes(maxBatchBytes),
    }
  }

  async trim(through: number): Promise<void> {
    const { topic, commands } = this.#options
    const partitions = [{ partitionIndex: 0, offset: BigInt(through) }]
    try {
      await commands.call(deleteRecordsV2.api, [{ name: topic.name, partitions }], DELETE_TIMEOUT_MS)
    } catch (error) {
      throw this.#failure(error, `delete records of the topic "${topic.name}"`)
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#keepAlive)
    this.#appends.end(new LogError('closed', 'The log is closed.'))
    await Promise.all([this.#options.commands.close(), this.#options.fetching.close()])
  }

  async #follow(from: Place, consumer: Consumer, stopping: AbortSignal): Promise<void> {
    const { topic, fetching, memory } = this.#options
    const isOver = (): boolean => stopping.aborted || this.#isClosed
    let place = from
    while (!isOver()) {
      try {
        const { records, next, hasDiverged } = await fetchRecords(fetching, topic.id, place)
        if (isOver()) return
        if (hasDiverged) return this.#end(topic.name)
        if (records.length > 0) await consumer.records(records)
        place = next
        memory.place = place
      } catch (error) {
        if (isOver()) return
        const kept = apiErrorOf(error) === 'OFFSET_OUT_OF_RANGE' ? await this.#nearest(place) : undefined
        if (kept === undefined) return this.#lose(toLogError(error, `read the topic "${topic.name}"`, 'read'))
        place = kept
      }
    }
  }

  /** The first place that is retained, if another one was asked for. */
  async #nearest({ offset }: Place): Promise<Place | undefined> {
    try {
      const { oldest, newest } = await this.describe()
      if (offset < oldest) return placeAfter(oldest - 1)
      if (offset > newest) this.#end(this.#options.topic.name)
    } catch {
      // The connection is lost, for that reason.
    }
    return undefined
  }

  #end(name: string): void {
    this.#options.memory.end = new LogError(
      'replaced',
      `The Kafka topic "${name}" went back in time: records that were read from it are gone, as after a power cut or an ` +
        'unclean election of a leader.',
      { details: { topic: name } },
    )
    this.#lose(this.#options.memory.end)
  }

  async #offset(timestamp: bigint): Promise<number> {
    const { topic, commands } = this.#options
    const partitions = [{ partitionIndex: 0, currentLeaderEpoch: ANY_EPOCH, timestamp }]
    try {
      const { topics } = await commands.call(
        listOffsetsV7.api,
        CLIENT_REPLICA,
        FetchIsolationLevels.READ_UNCOMMITTED,
        [{ name: topic.name, partitions }],
      )
      const offset = topics[0]?.partitions[0]?.offset
      if (offset === undefined) throw new LogError('unreachable', 'Kafka did not say how long the topic is.')
      return Number(offset)
    } catch (error) {
      throw this.#failure(error, `list the offsets of the topic "${topic.name}"`)
    }
  }

  #failure(error: unknown, what: string): LogError {
    const reason = toLogError(error, what, 'read')
    if (reason.code === 'unreachable') this.#lose(reason)
    return reason
  }
}
