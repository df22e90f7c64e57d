/** The largest part of the time that compression may take. */
const MAX_SHARE = 1 / 4
/** What may be spent at once, in milliseconds, after a time with little to do. */
const MAX_SAVED_MS = 100

/** Bounds the time that all compression of a process takes from its event loop. */
export class Effort {
  #savedMs = MAX_SAVED_MS
  #at = performance.now()

  /** Does some work, unless too much time was spent on such work lately. */
  spend<T>(work: () => T): T | undefined {
    const began = performance.now()
    this.#savedMs = Math.min(MAX_SAVED_MS, this.#savedMs + (began - this.#at) * MAX_SHARE)
    this.#at = began
    if (this.#savedMs <= 0) return undefined
    const done = work()
    this.#savedMs -= performance.now() - began
    return done
  }
}
