/** How long a result is used again, in milliseconds, so that further calls cost nothing. */
const ANSWER_MS = 1_000

interface Answer {
  readonly isReady: boolean
  readonly until: number
  readonly outcome: Promise<void>
}

/** Whether the log works, tested at most once a second, no matter how many clients ask. */
export class Readiness {
  readonly #probe: () => Promise<void>
  #probing: Promise<void> | undefined
  #answer: Answer | undefined

  /** @param probe rejects if the log does not work */
  constructor(probe: () => Promise<void>) {
    this.#probe = probe
  }

  check(): Promise<void> {
    if (this.#answer !== undefined && performance.now() < this.#answer.until) return this.#answer.outcome
    this.#probing ??= this.#ask()
    return this.#probing
  }

  /** Called with the outcome of other calls to the log. A result that they contradict is no longer used. */
  observe(works: boolean): void {
    if (this.#answer?.isReady !== works) this.#answer = undefined
  }

  async #ask(): Promise<void> {
    const outcome = this.#probe()
    const settle = (isReady: boolean): void => {
      this.#answer = { isReady, until: performance.now() + ANSWER_MS, outcome }
      this.#probing = undefined
    }
    await outcome.then(
      () => settle(true),
      () => settle(false),
    )
    return outcome
  }
}
