import { IDEMPOTENCY_WINDOW_MS } from './event-log.ts'
import type { NewEvent } from './event-log.ts'

/** What an answer counts for besides its key. */
const ANSWER_OVERHEAD = 256

interface Answer {
  readonly offset: number
  readonly time: number
}

/** The answers of a memory log to idempotency keys. They outlive their events; beyond a bound the oldest go. */
export class Answers {
  readonly #maxLength: number
  /** Oldest first. */
  readonly #byKey = new Map<string, Answer>()
  #length = 0

  /** @param maxLength in UTF-16 code units of topics and keys, {@link ANSWER_OVERHEAD} more for each */
  constructor(maxLength: number) {
    this.#maxLength = maxLength
  }

  /** The offset of the event that had the key before. */
  find(event: NewEvent, time: number): number | undefined {
    if (event.idempotencyKey === undefined) return undefined
    const answer = this.#byKey.get(keyOf(event))
    return answer !== undefined && answer.time > time - IDEMPOTENCY_WINDOW_MS ? answer.offset : undefined
  }

  save(event: NewEvent, offset: number, time: number): void {
    if (event.idempotencyKey === undefined) return
    const key = keyOf(event)
    this.#delete(key)
    this.#byKey.set(key, { offset, time })
    this.#length += key.length + ANSWER_OVERHEAD
    while (this.#length > this.#maxLength) this.#delete(this.#byKey.keys().next().value!)
  }

  expire(now: number): void {
    for (const [key, { time }] of this.#byKey) {
      if (time > now - IDEMPOTENCY_WINDOW_MS) return
      this.#delete(key)
    }
  }

  #delete(key: string): void {
    if (this.#byKey.delete(key)) this.#length -= key.length + ANSWER_OVERHEAD
  }
}

function keyOf({ topic, idempotencyKey }: NewEvent): string {
  return `${topic}\n${idempotencyKey}`
}
