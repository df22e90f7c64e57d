import { PATIENCE_MS } from './patience.ts'

/** What is known of something that a test waits for: that it is so, or the reason for which it never will be. */
type Verdict = true | string | undefined

/** Waits for what a peer sends. */
export class Arrivals {
  readonly #watchers = new Set<() => void>()

  /** Something has arrived, or the connection is over. */
  changed(): void {
    for (const look of this.#watchers) look()
  }

  /**
   * Resolves once the verdict is true; rejects if it is a reason, or if it takes too long.
   *
   * @param judge - called now, and after each change
   * @param failure - the error for a reason
   */
  until(judge: () => Verdict, failure: (reason: string) => Error): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void): void => {
        clearTimeout(timer)
        this.#watchers.delete(look)
        finish()
      }
      const fail = (reason: string): void => settle(() => reject(failure(reason)))
      const look = (): void => {
        const verdict = judge()
        if (verdict === true) settle(resolve)
        else if (verdict !== undefined) fail(verdict)
      }
      const timer = setTimeout(() => fail(`${PATIENCE_MS / 1000} s passed`), PATIENCE_MS)
      this.#watchers.add(look)
      look()
    })
  }
}
