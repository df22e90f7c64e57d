/** Holds bytes in memory that can be evicted. */
export interface Holder {
  readonly heldBytes: number
  /** Releases them. */
  evict(): void
}

/** Bounds the memory of all holders together. The coldest one, whose last change is the oldest, is evicted first. */
export class Budget {
  readonly #maxBytes: number
  /** The size of each holder when it last changed, coldest first. */
  readonly #held = new Map<Holder, number>()
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Updates the count of a holder that has changed. */
  update(holder: Holder): void {
    this.remove(holder)
    const { heldBytes } = holder
    if (heldBytes === 0) return
    this.#held.set(holder, heldBytes)
    this.#bytes += heldBytes
    for (const coldest of this.#held.keys()) {
      if (this.#bytes <= this.#maxBytes) return
      this.remove(coldest)
      coldest.evict()
    }
  }

  remove(holder: Holder): void {
    this.#bytes -= this.#held.get(holder) ?? 0
    this.#held.delete(holder)
  }
}
