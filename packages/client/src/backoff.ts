import { MAX_RETRY_MS } from '@tailrace/wire'

/** From where the delay grows when the first is 0. */
const LEAST_GROWTH_MS = 250

/**
 * How long to wait before the next attempt: somewhere between nothing and a bound that doubles with each
 * failure, so that readers that lost their server together do not come back together.
 */
export class Backoff {
  /** What the server's `retry:` says, or the first bound where it says nothing. */
  baseMs: number
  readonly #maxMs: number
  #failures = 0
  #hasRefreshed = false

  constructor(baseMs: number, maxMs: number) {
    this.baseMs = baseMs
    this.#maxMs = maxMs
  }

  /** @param leastMs what the server asked for with `Retry-After` */
  next(leastMs = 0): number {
    const growth = Math.max(this.baseMs, LEAST_GROWTH_MS) * 2 ** this.#failures
    const bound = this.#failures === 0 ? this.baseMs : Math.min(growth, Math.max(this.#maxMs, this.baseMs))
    this.#failures += 1
    return Math.min(leastMs + Math.random() * bound, MAX_RETRY_MS)
  }

  /** How long to wait before headers that were refused are made anew: not at all, once for each good connection. */
  refresh(): number {
    if (this.#hasRefreshed) return this.next()
    this.#hasRefreshed = true
    return 0
  }

  /** The connection was good. */
  reset(): void {
    this.#failures = 0
    this.#hasRefreshed = false
  }
}
