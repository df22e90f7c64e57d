import { MAX_RETRY_MS } from '@tailrace/wire'

/** From where the bound grows when the first is 0. */
const LEAST_GROWTH_MS = 250

/**
 * How long to wait before the next attempt: what the server asked for, plus a random time between 0 and a bound
 * that doubles with each failure, so that readers that lost their server together do not come back together.
 */
export class Backoff {
  /** The server's `retry:`, a lower bound. */
  retryMs = 0
  readonly #initialMs: number
  readonly #maxMs: number
  #failures = 0
  #hasRefreshed = false

  constructor(initialMs: number, maxMs: number) {
    this.#initialMs = initialMs
    this.#maxMs = Math.max(maxMs, initialMs)
  }

  /** @param leastMs what the server asked for with `Retry-After` */
  next(leastMs = 0): number {
    const base = Math.max(this.#initialMs, this.#failures && LEAST_GROWTH_MS)
    const bound = Math.min(base * 2 ** this.#failures, this.#maxMs)
    this.#failures += 1
    return Math.min(Math.max(this.retryMs, leastMs) + Math.random() * bound, MAX_RETRY_MS)
  }

  /** How long to wait before headers that were refused are made anew: not at all, once for each stable connection. */
  refresh(): number {
    if (this.#hasRefreshed) return this.next()
    this.#hasRefreshed = true
    return 0
  }

  /** The server delivers again: the bound starts over. */
  restart(): void {
    this.#failures = 0
  }

  /** The connection was stable: its credentials were good as well. */
  reset(): void {
    this.restart()
    this.#hasRefreshed = false
  }
}
