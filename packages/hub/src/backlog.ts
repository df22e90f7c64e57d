import type { StoredEvent } from '@tailrace/log'

/** The longest time for which events are delivered in one turn of the event loop, in milliseconds. */
const MAX_TURN_MS = 10
/** Events between two readings of the clock. With many patterns, one event can cost a millisecond. */
const EVENTS_A_LOOK = 8
/** How much may wait to be delivered, in UTF-16 code units of data. */
const MAX_LENGTH = 64 * 1024 * 1024
/** How much an event counts besides its data. */
const EVENT_OVERHEAD = 256

export interface BacklogListener {
  /** The next event of the log. */
  event(event: StoredEvent): void
  /** The turn is over: its events can be handed out. */
  turn(): void
  purged(topic: string): void
  /** Events up to this offset are missing. */
  lost(through: number): void
  /** Too much is waiting: these events are not delivered, and readers must read them from the log. */
  overflow(events: readonly StoredEvent[]): void
}

/** A run of events, the name of a topic that was purged after it, or the offset up to which events are missing. */
type Item = readonly StoredEvent[] | string | number

/**
 * Delivers what the tail reports, in order. Single events are delivered at once. A large batch is delivered in slices,
 * with other work between them.
 */
export class Backlog {
  readonly #listener: BacklogListener
  #waiting: Item[] = []
  #length = 0
  #next: NodeJS.Immediate | undefined

  constructor(listener: BacklogListener) {
    this.#listener = listener
  }

  add(events: readonly StoredEvent[]): void {
    const rest = this.#waiting.length === 0 ? this.#deliver(events) : events
    if (rest.length > 0) this.#wait(rest)
  }

  purge(topic: string): void {
    this.#say(topic)
  }

  lose(through: number): void {
    this.#say(through)
  }

  stop(): void {
    clearImmediate(this.#next)
    this.#waiting = []
  }

  /** @returns the events for which there was no time */
  #deliver(events: readonly StoredEvent[]): readonly StoredEvent[] {
    const until = performance.now() + MAX_TURN_MS
    let count = 0
    for (const event of events) {
      if (count > 0 && count % EVENTS_A_LOOK === 0 && performance.now() >= until) break
      this.#listener.event(event)
      count += 1
    }
    this.#listener.turn()
    return count === events.length ? [] : events.slice(count)
  }

  #say(item: string | number): void {
    if (this.#waiting.length === 0) this.#tell(item)
    else this.#wait(item)
  }

  #tell(item: string | number): void {
    if (typeof item === 'string') this.#listener.purged(item)
    else this.#listener.lost(item)
  }

  #wait(item: Item): void {
    this.#waiting.push(item)
    this.#length += lengthOf(item)
    if (this.#length > MAX_LENGTH) this.#overflow()
    else this.#next ??= setImmediate(() => this.#go())
  }

  #go(): void {
    this.#next = undefined
    const item = this.#waiting.shift()
    if (item === undefined) return
    this.#length -= lengthOf(item)
    if (typeof item !== 'object') {
      this.#tell(item)
    } else {
      const rest = this.#deliver(item)
      if (rest.length > 0) {
        this.#waiting.unshift(rest)
        this.#length += lengthOf(rest)
      }
    }
    if (this.#waiting.length > 0) this.#next ??= setImmediate(() => this.#go())
  }

  #overflow(): void {
    const waiting = this.#waiting
    this.#waiting = []
    this.#length = 0
    this.#listener.overflow(waiting.flatMap((item) => (typeof item === 'object' ? item : [])))
    for (const item of waiting) if (typeof item !== 'object') this.#tell(item)
  }
}

function lengthOf(item: Item): number {
  if (typeof item !== 'object') return EVENT_OVERHEAD
  return item.reduce((sum, { data }) => sum + data.length + EVENT_OVERHEAD, 0)
}
