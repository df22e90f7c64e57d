import type { LogError } from './errors.ts'
import type { StoredEvent, TailListener } from './event-log.ts'

/** The listeners of a log in this process, called in the order in which they were added. */
export class TailListeners implements TailListener {
  readonly #listeners = new Set<TailListener>()
  #interruption: LogError | undefined

  /** @returns a function that removes the listener */
  add(listener: TailListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  events(events: readonly StoredEvent[]): void {
    for (const listener of this.#listeners) listener.events(events)
  }

  purged(topic: string, through: number): void {
    for (const listener of this.#listeners) listener.purged(topic, through)
  }

  lost(through: number): void {
    for (const listener of this.#listeners) listener.lost(through)
  }

  /** Reports an interruption. Does nothing during one. */
  interrupted(reason: LogError): void {
    if (this.#interruption !== undefined) return
    this.#interruption = reason
    for (const listener of this.#listeners) listener.interrupted(reason)
  }

  /** Does nothing without an interruption. */
  resumed(): void {
    if (this.#interruption === undefined) return
    this.#interruption = undefined
    for (const listener of this.#listeners) listener.resumed()
  }

  /** Ends every tail. */
  failed(error: LogError): void {
    for (const listener of this.#listeners) listener.failed(error)
    this.clear()
  }

  clear(): void {
    this.#listeners.clear()
  }
}
