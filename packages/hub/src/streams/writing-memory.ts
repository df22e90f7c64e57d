/** Beyond this, no writer of the hub has room: producers should wait. In bytes, as write queues count them. */
const ROOM_BYTES = 64 * 1024 * 1024
/** Beyond this, nothing more is accepted from producers that do not wait. */
const MAX_BYTES = 4 * ROOM_BYTES

/** The memory for what all writers of a hub have to store. */
export class WritingMemory {
  #bytes = 0
  readonly #waiting = new Set<() => void>()

  get hasRoom(): boolean {
    return this.#bytes < ROOM_BYTES
  }

  get isExhausted(): boolean {
    return this.#bytes >= MAX_BYTES
  }

  /** @param bytes negative to give some back */
  take(bytes: number): void {
    this.#bytes += bytes
    if (!this.hasRoom || this.#waiting.size === 0) return
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const offer of waiting) offer()
  }

  /** Calls once when there may be room again. */
  wait(offer: () => void): void {
    this.#waiting.add(offer)
  }

  forget(offer: () => void): void {
    this.#waiting.delete(offer)
  }
}
