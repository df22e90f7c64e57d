/** Holds bytes in memory that it can do without. */
export interface Holder {
  readonly heldBytes: number
  /** Releases them. */
  evict(): void
}

/** Bounds what all holders have together. The coldest, whose last change is oldest, gives way to the others. */
export class Budget {
  readonly #maxBytes: number
  /** What each of them held when it last changed, coldest first. */
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
