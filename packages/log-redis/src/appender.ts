import { IDEMPOTENCY_WINDOW_MS, LogError } from '@tailrace/log'
import type { Appended, NewEvent } from '@tailrace/log'
import { topicEnded } from '@tailrace/log/adapter'

import { toArguments } from './entry.ts'
import { APPEND } from './scripts/append.ts'
import type { RedisSession } from './session.ts'

/** Maximum size of what was sent and not answered yet. Beyond that, `append` rejects with `busy`. */
const MAX_PENDING_BYTES = 64 * 2 ** 20
/** Maximum size of a batch, which Redis stores in one step, while everybody else waits. */
const MAX_BATCH_BYTES = 32 * 2 ** 20
/** The size of an event in addition to its texts. It also bounds the number of arguments of a command. */
const EVENT_OVERHEAD = 512

/** Sends batches behind each other, without waiting: Redis writes those that have arrived to its disk together. */
export class Appender {
  readonly #time: () => string
  #pendingBytes = 0

  /** @param time what the events are stamped with; an empty text is the clock of Redis */
  constructor(time: () => string) {
    this.#time = time
  }

  async append(session: RedisSession, batch: readonly NewEvent[]): Promise<Appended[]> {
    const bytes = sizeOf(batch, session.maxTextBytes)
    if (this.#pendingBytes > 0 && this.#pendingBytes + bytes > MAX_PENDING_BYTES) {
      throw new LogError('busy', 'Too many events are waiting for Redis: publish again later.', {
        details: { pendingBytes: this.#pendingBytes, maxPendingBytes: MAX_PENDING_BYTES },
      })
    }
    this.#pendingBytes += bytes
    try {
      return await send(session, batch, this.#time())
    } finally {
      this.#pendingBytes -= bytes
    }
  }
}

async function send(session: RedisSession, batch: readonly NewEvent[], time: string): Promise<Appended[]> {
  const [kind, ...values] = await session.run(APPEND, [
    time,
    IDEMPOTENCY_WINDOW_MS,
    ...batch.flatMap(toArguments),
  ])
  if (kind === 'ended') {
    const index = Number(values[0])
    throw topicEnded({ topic: batch[index]!.topic, index })
  }
  return values.map(Number).map((offset) => ({ offset: Math.abs(offset), duplicate: offset < 0 }))
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
