import { ProduceAcks, produceV9 } from '@platformatic/kafka'
import { LogError } from '@tailrace/log'

import type { Broker } from './broker.ts'
import { toLogError } from './errors.ts'

/** For the brokers to copy a request; less than a request may take. */
const REPLICATION_TIMEOUT_MS = 4_000
/** What a record adds to its bytes: Kafka's lengths, a timestamp, and a share of the head of a batch. */
const RECORD_OVERHEAD = 32
const BATCH_OVERHEAD = 96
/** Of a request with several records. A larger record is sent alone. */
const MAX_REQUEST_BYTES = 2 ** 20
/** Records that wait for a request, in bytes; beyond that, appends are refused. */
const MAX_WAITING_BYTES = 64 * 2 ** 20

interface Waiting {
  readonly value: Buffer
  resolve(position: number): void
  reject(error: LogError): void
}

export interface AppendsOptions {
  readonly broker: Broker
  readonly topic: string
  /** Maximum size of a batch of records, in bytes. */
  readonly maxBatchBytes: number
  /** The connection is of no more use. */
  lost(reason: LogError): void
}

/** The size of the largest record that fits in a batch. */
export function maxRecordBytes(maxBatchBytes: number): number {
  return maxBatchBytes - RECORD_OVERHEAD - BATCH_OVERHEAD
}

/**
 * Appends records, in one request after another: what arrives during one is the next. So Kafka stores them in order,
 * and never twice, because none is sent twice.
 */
export class Appends {
  readonly #options: AppendsOptions
  readonly #limit: number
  readonly #waiting: Waiting[] = []
  #waitingBytes = 0
  #isSending = false
  #end: LogError | undefined

  constructor(options: AppendsOptions) {
    this.#options = options
    this.#limit = Math.min(options.maxBatchBytes, MAX_REQUEST_BYTES) - BATCH_OVERHEAD
  }

  append(bytes: Uint8Array): Promise<number> {
    if (this.#end !== undefined) return Promise.reject(this.#end)
    if (this.#waitingBytes + bytes.length > MAX_WAITING_BYTES) {
      const message = 'Too much is waiting to be stored by Kafka. Retry later.'
      return Promise.reject(new LogError('busy', message, { details: { limit: MAX_WAITING_BYTES } }))
    }
    return new Promise((resolve, reject) => {
      const value = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      this.#waiting.push({ value, resolve, reject })
      this.#waitingBytes += value.length
      if (!this.#isSending) void this.#send()
    })
  }

  /** Rejects what was not sent, and everything later. */
  end(reason: LogError): void {
    this.#end ??= reason
    for (const { reject } of this.#waiting.splice(0)) reject(this.#end)
    this.#waitingBytes = 0
  }

  async #send(): Promise<void> {
    this.#isSending = true
    while (this.#waiting.length > 0) {
      const batch = this.#take()
      try {
        const first = await this.#produce(batch)
        for (const [index, { resolve }] of batch.entries()) resolve(first + index)
      } catch (error) {
        const reason = toLogError(error, 'store records', 'write')
        // First, so that nobody who learns of it appends to a connection that is lost.
        if (reason.code === 'unreachable' || reason.code === 'outcome-unknown') this.#options.lost(reason)
        for (const { reject } of batch) reject(reason)
      }
    }
    this.#isSending = false
  }

  #take(): Waiting[] {
    let bytes = 0
    let count = 0
    for (const { value } of this.#waiting) {
      bytes += value.length + RECORD_OVERHEAD
      if (bytes > this.#limit && count > 0) break
      this.#waitingBytes -= value.length
      count += 1
    }
    return this.#waiting.splice(0, count)
  }

  /** Kafka stores a batch whole, at consecutive offsets, or not at all. @returns the position of its first record */
  async #produce(batch: readonly Waiting[]): Promise<number> {
    const { broker, topic } = this.#options
    const records = batch.map(({ value }) => ({ topic, partition: 0, value }))
    const response = await broker.call(produceV9.api, ProduceAcks.ALL, REPLICATION_TIMEOUT_MS, records)
    const partition = typeof response === 'boolean' ? undefined : response.responses[0]?.partitionResponses[0]
    if (partition === undefined)
      throw new LogError('outcome-unknown', 'Kafka did not say where it stored records.')
    return Number(partition.baseOffset) + 1
  }
}
