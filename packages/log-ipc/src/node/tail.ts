import type { LogError, StoredEvent } from '@tailrace/log'
import type { TailListeners } from '@tailrace/log/adapter'

/** The only tail of a node: continues with each connection where the last one ended. */
export class NodeTail {
  readonly #listeners: () => TailListeners
  readonly #waiting = new Set<() => void>()
  /** Everything up to here was reported, or reported to be lost. Undefined before the first connection. */
  #offset: number | undefined

  constructor(listeners: () => TailListeners) {
    this.#listeners = listeners
  }

  get offset(): number | undefined {
    return this.#offset
  }

  begin(offset: number): void {
    this.#offset ??= offset
  }

  events(events: readonly StoredEvent[]): void {
    const before = this.#offset!
    // Those that were committed while a page was read are sent twice.
    const left = events[0]!.offset > before ? events : events.filter(({ offset }) => offset > before)
    if (left.length === 0) return
    this.#listeners().events(left)
    this.#advance(left.at(-1)!.offset)
  }

  lost(through: number): void {
    if (through <= this.#offset!) return
    this.#listeners().lost(through)
    this.#advance(through)
  }

  /** Nothing is left up to here that was not reported. */
  advance(offset: number): void {
    if (offset > this.#offset!) this.#advance(offset)
  }

  /** Resolves once everything up to an offset was reported. @throws the reason if the connection ends before that */
  reach(offset: number, lost: Promise<LogError>): Promise<number> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (this.#offset! < offset) return
        this.#waiting.delete(look)
        resolve(this.#offset!)
      }
      this.#waiting.add(look)
      look()
      const fail = (reason: LogError): void => {
        this.#waiting.delete(look)
        reject(reason)
      }
      void lost.then(fail)
    })
  }

  #advance(offset: number): void {
    this.#offset = offset
    for (const look of this.#waiting) look()
  }
}
