import type { StoredEvent } from '@tailrace/log'
import { Router } from './route.ts'

/** Clients that wait for an event without a stream (long polls). Each holds only a timer. */
export class Waiters {
  readonly #router = new Router<() => void>()
  readonly #all = new Set<() => void>()
  #isClosed = false

  /** Resolves with the first event that the selectors match, or when the time is over or the signal aborts. */
  readonly wait = (selectors: readonly string[], milliseconds: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const stop = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', stop)
        this.#all.delete(stop)
        for (const selector of selectors) this.#router.remove(selector, stop)
        resolve()
      }
      const timer = setTimeout(stop, milliseconds)
      this.#all.add(stop)
      for (const selector of selectors) this.#router.add(selector, stop)
      signal.addEventListener('abort', stop)
      if (signal.aborted || this.#isClosed) stop()
    })

  wake(events: readonly StoredEvent[]): void {
    if (this.#all.size === 0) return
    for (const { topic } of events) for (const stop of this.#router.match(topic)) stop()
  }

  /** Ends every wait, including those that have not begun: no more events will arrive. */
  close(): void {
    this.#isClosed = true
    for (const stop of this.#all) stop()
  }
}
