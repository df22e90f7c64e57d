import type { ProblemCode } from './errors.ts'

/** Minimum time between two reports of one outage to the operator. With a full disk, for example, every request fails. */
const INTERVAL_MS = 30_000

/** Decides whether a failure is reported again. */
export class ReportRate {
  /** When each outage was last reported. */
  readonly #toldAt = new Map<ProblemCode, number>()

  /** Whether a failure is due; if so, it is not due again for a while. */
  take(code: ProblemCode): boolean {
    const now = performance.now()
    if (now - (this.#toldAt.get(code) ?? -Infinity) < INTERVAL_MS) return false
    this.#toldAt.set(code, now)
    return true
  }
}
