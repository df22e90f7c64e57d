/** How much may be compressed in a second. Deflate takes a quarter of one core for that. */
const MAX_BYTES_A_SECOND = 24 * 1024 * 1024
/** What may be compressed at once, after a time with little to do. */
const MAX_SAVED_BYTES = 4 * 1024 * 1024
/** What a block costs besides its bytes, in bytes. */
const BLOCK_COST = 2 * 1024

/** Bounds the part of its event loop that a process spends on compression. */
export class Effort {
  #saved = MAX_SAVED_BYTES
  #at = performance.now()

  /** Counts a block. @returns whether it may be compressed */
  take(bytes: number): boolean {
    const now = performance.now()
    this.#saved = Math.min(MAX_SAVED_BYTES, this.#saved + ((now - this.#at) * MAX_BYTES_A_SECOND) / 1000)
    this.#at = now
    const cost = bytes + BLOCK_COST
    if (this.#saved < cost) return false
    this.#saved -= cost
    return true
  }
}
