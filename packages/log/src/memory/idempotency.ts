import { IDEMPOTENCY_WINDOW_MS } from '../event-log.ts'
import type { NewEvent } from '../event-log.ts'
import { Sequence } from './sequence.ts'
import type { Placed } from './sequence.ts'

/** The size of a record in addition to its topic and key. */
const RECORD_OVERHEAD = 256

interface IdempotencyRecord extends Placed {
  readonly key: string
  readonly time: number
  isGone: boolean
}

/**
 * The idempotency keys that a memory log has seen. Records outlive their events. Beyond a bound, the oldest are
 * removed.
 */
export class IdempotencyRecords {
  readonly #maxLength: number
  readonly #byKey = new Map<string, IdempotencyRecord>()
  /** A map finds its oldest entry only by skipping all that were deleted since it last grew: hundreds of thousands. */
  readonly #byAge: Sequence<IdempotencyRecord> = new Sequence()
  #length = 0

  /** @param maxLength in UTF-16 code units of topics and keys, plus {@link RECORD_OVERHEAD} each */
  constructor(maxLength: number) {
    this.#maxLength = maxLength
  }

  /** The offset of the first event with the same topic and key. */
  find(event: NewEvent, time: number): number | undefined {
    if (event.idempotencyKey === undefined) return undefined
    const record = this.#byKey.get(keyOf(event))
    return record !== undefined && record.time > time - IDEMPOTENCY_WINDOW_MS ? record.place : undefined
  }

  save(event: NewEvent, offset: number, time: number): void {
    if (event.idempotencyKey === undefined) return
    const key = keyOf(event)
    const expired = this.#byKey.get(key)
    if (expired !== undefined) this.#remove(expired)
    const record = { place: offset, key, time, isGone: false }
    this.#byKey.set(key, record)
    this.#byAge.push(record)
    this.#length += key.length + RECORD_OVERHEAD
    this.#removeWhile(() => this.#length > this.#maxLength)
  }

  expire(now: number): void {
    this.#removeWhile(({ time }) => time <= now - IDEMPOTENCY_WINDOW_MS)
  }

  /** Removes the oldest, for as long as a test holds. */
  #removeWhile(holds: (oldest: IdempotencyRecord) => boolean): void {
    for (const record of this.#byAge.after(0)) {
      if (!holds(record)) return
      this.#remove(record)
    }
  }

  #remove(record: IdempotencyRecord): void {
    this.#byKey.delete(record.key)
    record.isGone = true
    this.#byAge.drop()
    this.#length -= record.key.length + RECORD_OVERHEAD
  }
}

function keyOf({ topic, idempotencyKey }: NewEvent): string {
  return `${topic}\n${idempotencyKey}`
}
