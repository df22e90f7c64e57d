import { IDEMPOTENCY_WINDOW_MS } from '../event-log.ts'
import type { NewEvent } from '../event-log.ts'

/** The size of a record in addition to its topic and key. */
const RECORD_OVERHEAD = 256

interface IdempotencyRecord {
  readonly offset: number
  readonly time: number
}

/**
 * The idempotency keys that a memory log has seen. Records outlive their events. Beyond a bound, the oldest are
 * removed.
 */
export class IdempotencyRecords {
  readonly #maxLength: number
  /** Oldest first. */
  readonly #byKey = new Map<string, IdempotencyRecord>()
  #length = 0

  /** @param maxLength in UTF-16 code units of topics and keys, plus {@link RECORD_OVERHEAD} each */
  constructor(maxLength: number) {
    this.#maxLength = maxLength
  }

  /** The offset of the first event with the same topic and key. */
  find(event: NewEvent, time: number): number | undefined {
    if (event.idempotencyKey === undefined) return undefined
    const record = this.#byKey.get(keyOf(event))
    return record !== undefined && record.time > time - IDEMPOTENCY_WINDOW_MS ? record.offset : undefined
  }

  save(event: NewEvent, offset: number, time: number): void {
    if (event.idempotencyKey === undefined) return
    const key = keyOf(event)
    this.#delete(key)
    this.#byKey.set(key, { offset, time })
    this.#length += key.length + RECORD_OVERHEAD
    while (this.#length > this.#maxLength) this.#delete(this.#byKey.keys().next().value!)
  }

  expire(now: number): void {
    for (const [key, { time }] of this.#byKey) {
      if (time > now - IDEMPOTENCY_WINDOW_MS) return
      this.#delete(key)
    }
  }

  #delete(key: string): void {
    if (this.#byKey.delete(key)) this.#length -= key.length + RECORD_OVERHEAD
  }
}

function keyOf({ topic, idempotencyKey }: NewEvent): string {
  return `${topic}\n${idempotencyKey}`
}
