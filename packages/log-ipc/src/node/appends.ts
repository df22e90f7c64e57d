import { LogError } from '@tailrace/log'
import type { Appended, NewEvent } from '@tailrace/log'

import type { Decoder } from '../protocol/decoder.ts'
import { Encoder } from '../protocol/encoder.ts'
import { encodeBatch } from '../protocol/events.ts'
import type { Outbox } from '../protocol/outbox.ts'
import { FRAME } from '../protocol/protocol.ts'
import { decodeOutcome } from '../protocol/results.ts'

/** Maximum size of what waits for its result. Beyond that, `append` rejects with `busy`. */
const MAX_PENDING_BYTES = 64 * 2 ** 20
/** Maximum size of a batch. */
const MAX_BATCH_BYTES = 32 * 2 ** 20
/** What is collected in one turn is sent at once when it reaches this size. */
const MAX_SHARED_BYTES = 256 * 1024

interface Pending {
  readonly bytes: number
  resolve(appended: readonly Appended[]): void
  reject(error: LogError): void
}

/** The batches of one connection. Those of one turn travel in one frame. */
export class Appends {
  readonly #outbox: Outbox
  readonly #encoder = new Encoder()
  readonly #pending = new Map<number, Pending>()
  #pendingBytes = 0
  #last = 0
  /** The last batch that was handed to the socket. */
  #sent = 0

  constructor(outbox: Outbox) {
    this.#outbox = outbox
  }

  /** @throws LogError */
  append(batch: readonly NewEvent[]): Promise<readonly Appended[]> {
    return new Promise((resolve, reject) => {
      const bytes = this.#encode(batch)
      this.#last += 1
      this.#pending.set(this.#last, { bytes, resolve, reject })
      this.#pendingBytes += bytes
      if (this.#encoder.length < MAX_SHARED_BYTES) this.#outbox.wake()
      else this.#outbox.flush()
    })
  }

  /** The frame with everything that was not sent. Undefined if there is nothing. */
  collect(): Buffer | undefined {
    if (this.#encoder.length === 0) return undefined
    this.#sent = this.#last
    return this.#encoder.finish(FRAME.append)
  }

  settle(decoder: Decoder): void {
    while (!decoder.isAtEnd) {
      const { number, outcome } = decodeOutcome(decoder)
      const pending = this.#pending.get(number)
      if (pending === undefined) throw new RangeError('A batch was answered that is not waiting.')
      this.#pending.delete(number)
      this.#pendingBytes -= pending.bytes
      if (LogError.is(outcome)) pending.reject(outcome)
      else pending.resolve(outcome)
    }
  }

  /** Rejects everything. */
  lose(unsent: LogError, unknown: LogError): void {
    for (const [number, { reject }] of this.#pending) reject(number > this.#sent ? unsent : unknown)
    this.#pending.clear()
  }

  /** @returns the bytes that were added */
  #encode(batch: readonly NewEvent[]): number {
    const length = batch.reduce((sum, { data }) => sum + data.length, 0)
    if (length > MAX_BATCH_BYTES) throw tooLarge(length)
    if (this.#pendingBytes > 0 && this.#pendingBytes + length > MAX_PENDING_BYTES) throw this.#busy()
    const before = this.#encoder.length
    try {
      if (before === 0) this.#encoder.f64(this.#last + 1)
      encodeBatch(this.#encoder, batch)
      const bytes = this.#encoder.length - before
      if (bytes > MAX_BATCH_BYTES) throw tooLarge(bytes)
      return bytes
    } catch (error) {
      // The other batches of the frame are not affected.
      this.#encoder.truncate(before)
      throw error
    }
  }

  #busy(): LogError {
    return new LogError(
      'busy',
      'Too many events are waiting for the owner of the log: publish again later.',
      {
        details: { pendingBytes: this.#pendingBytes, maxPendingBytes: MAX_PENDING_BYTES },
      },
    )
  }
}

function tooLarge(bytes: number): LogError {
  return new LogError(
    'too-large',
    `The batch has at least ${bytes} bytes; this log accepts ${MAX_BATCH_BYTES}. Publish it in parts.`,
    { details: { bytes, limit: MAX_BATCH_BYTES } },
  )
}
