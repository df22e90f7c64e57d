import type { StoredEvent } from '@tailrace/log'

/** What an event costs in memory besides its data, in bytes; nearly. */
const EVENT_OVERHEAD = 256

/** Of a run of events, the newest of each key; an event without a key stands for itself. */
export function newestOfKeys(events: readonly StoredEvent[]): StoredEvent[] {
  const newest = new Map<string | number, StoredEvent>()
  for (const event of events) put(newest, event)
  return [...newest.values()]
}

/** What an earlier event of the same key must give way to, at the end: so the order stays that of the log. */
function put(newest: Map<string | number, StoredEvent>, event: StoredEvent): StoredEvent | undefined {
  // A topic has no line break in it.
  const identity = event.key === undefined ? event.offset : `${event.topic}\n${event.key}`
  const before = newest.get(identity)
  newest.delete(identity)
  newest.set(identity, event)
  return before
}

/**
 * Holds back the events of a lane, so that its readers get the newest of each key, and that at most once in
 * a while. After a quiet while an event is let through at once.
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
   * @param onDue called when what was held back has become due
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

  /** Lets go of what is held back, if it is due; if not, sees to it that it is told when. */
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

  /** What was purged must not be delivered from memory. */
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
