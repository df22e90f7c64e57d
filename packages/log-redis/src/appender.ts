import { IDEMPOTENCY_WINDOW_MS, LogError } from '@tailrace/log'
import type { Appended, NewEvent } from '@tailrace/log'
import { topicEnded } from '@tailrace/log/adapter'

import type { Reply } from './connection.ts'
import { toArguments } from './entry.ts'
import { APPEND } from './scripts/append.ts'
import { foreignKey, type RedisSession } from './session.ts'

/** Maximum size of what is waiting for Redis. Beyond that, `append` rejects with `busy`. */
const MAX_PENDING_BYTES = 64 * 2 ** 20
/** Maximum size of a batch, which Redis stores in one step, while everybody else waits. */
const MAX_BATCH_BYTES = 32 * 2 ** 20
/** Maximum size of several batches that are stored in one step. */
const MAX_GROUP_BYTES = 256 * 1024
/** The size of an event in addition to its texts. It also bounds the number of arguments of a command. */
const EVENT_OVERHEAD = 512

interface Pending {
  readonly batch: readonly NewEvent[]
  readonly bytes: number
  resolve(appended: readonly Appended[]): void
  reject(error: unknown): void
}

/**
 * Stores batches. Those that arrive while others are on their way wait, and share one step of Redis, and one wait for
 * its disk.
 */
export class Appender {
  readonly #session: () => RedisSession
  readonly #time: () => string
  readonly #waiting: Pending[] = []
  #pendingBytes = 0
  #isSending = false

  /** @param time what the events are stamped with; an empty text is the clock of Redis */
  constructor(session: () => RedisSession, time: () => string) {
    this.#session = session
    this.#time = time
  }

  /** @throws LogError */
  async append(batch: readonly NewEvent[]): Promise<readonly Appended[]> {
    const bytes = sizeOf(batch, this.#session().maxTextBytes)
    if (this.#pendingBytes > 0 && this.#pendingBytes + bytes > MAX_PENDING_BYTES) {
      throw new LogError('busy', 'Too many events are waiting for Redis: publish again later.', {
        details: { pendingBytes: this.#pendingBytes, maxPendingBytes: MAX_PENDING_BYTES },
      })
    }
    const { promise, resolve, reject } = Promise.withResolvers<readonly Appended[]>()
    this.#waiting.push({ batch, bytes, resolve, reject })
    this.#pendingBytes += bytes
    if (!this.#isSending) void this.#sendAll()
    return promise
  }

  async #sendAll(): Promise<void> {
    this.#isSending = true
    // What else is published in the same turn shares the step.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, countWithin(this.#waiting, MAX_GROUP_BYTES))
      await this.#send(group)
      this.#pendingBytes -= group.reduce((sum, { bytes }) => sum + bytes, 0)
    }
    this.#isSending = false
  }

  async #send(group: readonly Pending[]): Promise<void> {
    let results: readonly Reply[]
    try {
      const batches = group.map(({ batch }) => batch)
      const lengths = batches.map(({ length }) => length)
      const events = batches.flatMap((batch) => batch.flatMap(toArguments))
      const bounds = [this.#time(), IDEMPOTENCY_WINDOW_MS, group.length]
      results = (await this.#session().run(APPEND, [...bounds, ...lengths, ...events])).slice(1)
    } catch (error) {
      for (const { reject } of group) reject(error)
      return
    }
    for (const [i, { batch, resolve, reject }] of group.entries()) {
      const [kind, what] = results[i] as readonly Reply[]
      if (kind === 'ended') reject(topicEnded({ topic: batch[Number(what)]!.topic, index: Number(what) }))
      else if (kind === 'foreign') reject(foreignKey(String(what)))
      else resolve((results[i] as readonly number[]).map(toAppended))
    }
  }
}

function toAppended(offset: number): Appended {
  return { offset: Math.abs(offset), duplicate: offset < 0 }
}

/** How many of the first have a size together; at least one. */
function countWithin(waiting: readonly Pending[], maxBytes: number): number {
  let bytes = 0
  const beyond = waiting.findIndex((one, i) => {
    bytes += one.bytes
    return i > 0 && bytes > maxBytes
  })
  return beyond === -1 ? waiting.length : beyond
}

/** @throws LogError `too-large` */
function sizeOf(batch: readonly NewEvent[], maxTextBytes: number): number {
  let bytes = 0
  for (const { topic, data, type = '', key = '', idempotencyKey = '', trace } of batch) {
    const text = Buffer.byteLength(data)
    if (text > maxTextBytes) throw tooLarge(text, maxTextBytes)
    const names = [topic, type, key, idempotencyKey, trace?.tracestate ?? '']
    bytes += names.reduce((sum, name) => sum + Buffer.byteLength(name), text + EVENT_OVERHEAD)
  }
  if (bytes > MAX_BATCH_BYTES) throw tooLarge(bytes, MAX_BATCH_BYTES)
  return bytes
}

function tooLarge(bytes: number, limit: number): LogError {
  return new LogError(
    'too-large',
    `The batch has ${bytes} bytes; this log accepts ${limit}. Publish it in parts.`,
    {
      details: { bytes, limit },
    },
  )
}
