import type { StoredEvent } from '@tailrace/log'

/** The approximate memory that an event uses besides its data, in bytes. */
const EVENT_OVERHEAD = 256

/** The newest event of each key in a run of events. An event without a key is always kept. */
export function newestOfKeys(events: readonly StoredEvent[]): StoredEvent[] {
  const newest = new Map<string | number, StoredEvent>()
  for (const event of events) put(newest, event)
  return [...newest.values()]
}

/** An earlier event of the same key is removed, and the new one added at the end, so that log order is kept. */
function put(newest: Map<string | number, StoredEvent>, event: StoredEvent): StoredEvent | undefined {
  // A topic contains no line break.
  const identity = event.key === undefined ? event.offset : `${event.topic}\n${event.key}`
  const before = newest.get(identity)
  newest.delete(identity)
  newest.set(identity, event)
  return before
}

/**
 * Holds back the events of a lane, so that its readers receive the newest event of each key, at most once per
 * interval. After a pause, an event is passed on at once.
 */
export class Conflation {
  readonly #everyMs: number
  readonly #maxBytes: number
  readonly #onDue: () => void
  readonly #pending = new Map<string | number, StoredEvent>()
  #bytes = 0
  #dueAt = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined

  /**
   * @param maxBytes when more than this is held back, it is due
   * @param onDue called when held-back events have become due
   */
  constructor(everyMs: number, maxBytes: number, onDue: () => void) {
    this.#everyMs = everyMs
    this.#maxBytes = maxBytes
    this.#onDue = onDue
  }

  get heldBytes(): number {
    return this.#bytes
  }

  /** The offset of the oldest event that is held back. */
  get oldest(): number | undefined {
    return this.#pending.values().next().value?.offset
  }

  add(event: StoredEvent): void {
    const before = put(this.#pending, event)
    this.#bytes += costOf(event) - (before === undefined ? 0 : costOf(before))
  }

  /** Releases what is held back if it is due. Otherwise makes sure that `onDue` is called when it is. */
  takeIfDue(): StoredEvent[] | undefined {
    const now = performance.now()
    if (now < this.#dueAt && this.#bytes <= this.#maxBytes) {
      this.#timer ??= setTimeout(() => this.#wake(), this.#dueAt - now)
      return undefined
    }
    this.#dueAt = now + this.#everyMs
    return this.take()
  }

  take(): StoredEvent[] {
    const events = [...this.#pending.values()]
    this.#pending.clear()
    this.#bytes = 0
    return events
  }

  /** Purged events must not be delivered from memory. */
  purged(topic: string): void {
    for (const [identity, event] of this.#pending) {
      if (event.topic !== topic) continue
      this.#pending.delete(identity)
      this.#bytes -= costOf(event)
    }
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #wake(): void {
    this.#timer = undefined
    this.#onDue()
  }
}

function costOf({ data }: StoredEvent): number {
  return data.length + EVENT_OVERHEAD
}
