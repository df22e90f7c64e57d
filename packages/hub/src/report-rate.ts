/** Minimum time between two reports of one outage to the operator. With a full disk, for example, every request fails. */
const INTERVAL_MS = 30_000

/** Decides whether a failure is reported again: each code at most once in 30 seconds. */
export class ReportRate {
  /** When each code was last reported. */
  readonly #toldAt = new Map<string, number>()

  /** Whether a failure is due; if so, it is not due again for a while. */
  take(code: string): boolean {
    const now = performance.now()
    if (now - (this.#toldAt.get(code) ?? -Infinity) < INTERVAL_MS) return false
    this.#toldAt.set(code, now)
    return true
  }
}
