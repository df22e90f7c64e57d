/** Notices that a server has stopped sending: a half-open connection is otherwise never reported. */
export class Watchdog {
  readonly #onSilent: () => void
  #timer: ReturnType<typeof setTimeout> | undefined
  #deadline = Infinity

  constructor(onSilent: () => void) {
    this.#onSilent = onSilent
  }

  /** Bytes are due within so many milliseconds; with 0 at any time. */
  start(limitMs: number): void {
    this.stop()
    if (limitMs === 0) return
    this.#deadline = Date.now() + limitMs
    this.#timer = setTimeout(this.#onSilent, limitMs)
  }

  /** Whether bytes are overdue. After sleep the timer fires late, while the clock is right at once. */
  get isOverdue(): boolean {
    return Date.now() > this.#deadline
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#deadline = Infinity
  }
}
