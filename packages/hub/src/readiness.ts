/** How long an answer stands, in milliseconds: whoever asks meanwhile costs nothing. */
const ANSWER_MS = 1_000

interface Answer {
  readonly isReady: boolean
  readonly until: number
  readonly outcome: Promise<void>
}

/** Whether the log works, found out at most once a second, however many ask. */
export class Readiness {
  readonly #probe: () => Promise<void>
  #probing: Promise<void> | undefined
  #answer: Answer | undefined

  /** @param probe rejects when the log does not work */
  constructor(probe: () => Promise<void>) {
    this.#probe = probe
  }

  check(): Promise<void> {
    if (this.#answer !== undefined && performance.now() < this.#answer.until) return this.#answer.outcome
    this.#probing ??= this.#ask()
    return this.#probing
  }

  /** Said of what the log was asked anyway. An answer that it contradicts does not stand any longer. */
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
