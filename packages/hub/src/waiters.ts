import type { StoredEvent } from '@tailrace/log'
import type { Wait } from './history.ts'
import { Router } from './route.ts'

/** Clients that wait for an event without a stream (long polls). Each holds only a timer. */
export class Waiters {
  readonly #router = new Router<(offset: number) => void>()
  readonly #all = new Set<() => void>()
  #isClosed = false

  /**
   * Resolves with the first event after an offset that the selectors match, when the time is over, or when the signal
   * is aborted.
   */
  readonly wait: Wait = (selectors, after, milliseconds, signal) =>
    new Promise((resolve) => {
      const wake = (offset: number): void => {
        if (offset > after) stop()
      }
      const stop = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', stop)
        this.#all.delete(stop)
        for (const selector of selectors) this.#router.remove(selector, wake)
        resolve()
      }
      const timer = setTimeout(stop, milliseconds)
      this.#all.add(stop)
      for (const selector of selectors) this.#router.add(selector, wake)
      signal.addEventListener('abort', stop)
      if (signal.aborted || this.#isClosed) stop()
    })

  wake({ topic, offset }: StoredEvent): void {
    if (this.#all.size === 0) return
    for (const one of this.#router.match(topic)) one(offset)
  }

  /** Wakes everyone: there may be an event for any of them. */
  wakeAll(): void {
    for (const stop of this.#all) stop()
  }

  /** Ends every wait, including those that have not begun: no more events will arrive. */
  close(): void {
    this.#isClosed = true
    this.wakeAll()
  }
}
