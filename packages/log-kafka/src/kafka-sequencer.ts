import { deleteRecordsV2 } from '@platformatic/kafka'
import { LogError } from '@tailrace/log'
import type { Consumer, Consumption, Sequencer, SequencerDescription } from '@tailrace/log-sequencer'

import { Appends, maxRecordBytes } from './appends.ts'
import type { Broker } from './broker.ts'
import { apiErrorOf, toLogError } from './errors.ts'
import { fetchRecords } from './fetching.ts'
import { readOffsets } from './offsets.ts'
import type { Topic } from './topic.ts'

/** A request now and then: a silent network is noticed, and brokers do not close the connection because it is idle. */
const KEEP_ALIVE_MS = 2_000
const DELETE_TIMEOUT_MS = 4_000

export interface KafkaSequencerOptions {
  readonly topic: Topic
  /** Two connections to the leader, because a broker answers one request of a connection after another. */
  readonly commands: Broker
  readonly fetching: Broker
  /** The `max.message.bytes` of the topic. */
  readonly maxBatchBytes: number
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
    const stopping = new AbortController()
    void this.#follow(after, consumer, stopping.signal)
    return { stop: async () => stopping.abort() }
  }

  async describe(): Promise<SequencerDescription> {
    const { topic, commands, maxBatchBytes } = this.#options
    try {
      const { start, end } = await readOffsets(commands, topic.name)
      const limit = maxRecordBytes(maxBatchBytes)
      return { identity: topic.identity, oldest: start + 1, newest: end, maxRecordBytes: limit }
    } catch (error) {
      throw this.#failure(error, `describe the topic "${topic.name}"`)
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

  /** Position n is offset n - 1, so what follows position n begins at offset n. */
  async #follow(from: number, consumer: Consumer, stopping: AbortSignal): Promise<void> {
    const { topic, fetching } = this.#options
    const isOver = (): boolean => stopping.aborted || this.#isClosed
    let offset = from
    while (!isOver()) {
      try {
        const { records, next } = await fetchRecords(fetching, topic.id, offset)
        if (isOver()) return
        if (records.length > 0) await consumer.records(records)
        offset = next
      } catch (error) {
        if (isOver()) return
        const kept = apiErrorOf(error) === 'OFFSET_OUT_OF_RANGE' ? await this.#oldestAfter(offset) : undefined
        if (kept === undefined) return this.#lose(toLogError(error, `read the topic "${topic.name}"`, 'read'))
        offset = kept
      }
    }
  }

  /** The offset of the oldest record, if one from before was asked for. Undefined if the connection is lost. */
  async #oldestAfter(offset: number): Promise<number | undefined> {
    try {
      const { oldest, newest } = await this.describe()
      if (offset <= newest) return Math.max(offset, oldest - 1)
      this.#lose(wentBack(this.#options.topic.name, offset, newest))
    } catch {
      // The connection is lost, for that reason.
    }
    return undefined
  }

  #failure(error: unknown, what: string): LogError {
    const reason = toLogError(error, what, 'read')
    if (reason.code === 'unreachable') this.#lose(reason)
    return reason
  }
}

function wentBack(topic: string, position: number, newest: number): LogError {
  return new LogError(
    'replaced',
    `The Kafka topic "${topic}" went back in time: its newest record is at position ${newest}, and one at ${position} was ` +
      'read before, as after a power cut or an unclean election of a leader.',
    { details: { topic, position, newest } },
  )
}
