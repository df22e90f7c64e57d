/** A server is silent when nothing came for so many of its heartbeats. */
const MISSED_BEATS = 2.5
/** Shorter than any heartbeat that a server would send. */
const LEAST_MS = 1_000
/** Heartbeats that make a rule. */
const ENOUGH_BEATS = 2

/**
 * Learns how often an idle server says that it is there, and notices when it no longer does: the connection
 * is half open then, and nobody else would tell. A server without heartbeats is never suspected.
 */
export class Watchdog {
  readonly #onSilent: () => void
  #timer: ReturnType<typeof setTimeout> | undefined
  #heardAt = 0
  #beats = 0
  /** The longest that the server was silent before a heartbeat. */
  #longestMs = 0

  constructor(onSilent: () => void) {
    this.#onSilent = onSilent
  }

  /** Something is read for. */
  start(): void {
    this.#heardAt = Date.now()
    this.#arm()
  }

  /** What came was a comment: a heartbeat. Said before the next `start`. */
  beat(): void {
    const quietMs = Date.now() - this.#heardAt
    // Comments that come together say nothing of how long the server is silent.
    if (quietMs * MISSED_BEATS < LEAST_MS) return
    this.#beats += 1
    this.#longestMs = Math.max(this.#longestMs, quietMs)
  }

  /** Whether the server should have been heard of by now. After sleep timers are late, and this is not. */
  get isOverdue(): boolean {
    const limit = this.#limitMs
    return limit !== undefined && Date.now() - this.#heardAt > limit
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  get #limitMs(): number | undefined {
    return this.#beats < ENOUGH_BEATS ? undefined : this.#longestMs * MISSED_BEATS
  }

  #arm(): void {
    clearTimeout(this.#timer)
    const limit = this.#limitMs
    if (limit !== undefined) this.#timer = setTimeout(this.#onSilent, limit)
  }
}
