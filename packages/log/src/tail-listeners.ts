import type { LogError } from './errors.ts'
import type { StoredEvent, TailListener } from './event-log.ts'

/** The listeners of a log in this process, called in the order in which they were added. */
export class TailListeners {
  readonly #listeners = new Set<TailListener>()

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

  failed(error: LogError): void {
    for (const listener of this.#listeners) listener.failed(error)
    this.clear()
  }

  clear(): void {
    this.#listeners.clear()
  }
}
