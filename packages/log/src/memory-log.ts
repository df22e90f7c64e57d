import { mintEpoch, mintSecret } from './cursor.ts'
import { refusalOf, topicEnded } from './end-of-topic.ts'
import { LogError } from './errors.ts'
import type { Appended, CompleteEventLog, NewEvent, Page, Query, StoredEvent } from './event-log.ts'
import { IdempotencyRecords } from './memory/idempotency.ts'
import { Notes } from './memory/notes.ts'
import { Reader } from './memory/reader.ts'
import { Store } from './memory/store.ts'
import type { Entry } from './memory/store.ts'
import { Trimmer } from './memory/trim.ts'
import { Slice } from './slice.ts'
import { TailListeners } from './tail-listeners.ts'

/** Maximum data in a memory log, in UTF-16 code units. Beyond that, the oldest events are removed. */
export const DEFAULT_MEMORY_LOG_LENGTH: number = 128 * 1024 * 1024

/** The bound of a log in memory, and its clock. */
export interface MemoryLogOptions {
  /**
   * Maximum data held, in UTF-16 code units, counting 256 more per event. Beyond that, the oldest events of any
   * topic are removed. Idempotency keys may use the same amount again.
   *
   * @defaultValue {@link DEFAULT_MEMORY_LOG_LENGTH}
   */
  readonly maxLength?: number | undefined
  /** The wall clock, in milliseconds. @defaultValue `Date.now` */
  readonly now?: (() => number) | undefined
}

/** The memory that the nodes of a log share. */
export interface MemoryEngine {
  /** Opens the log on another node, whose `close` leaves the others open. */
  open(): CompleteEventLog
}

/** A log for tests and temporary hubs. Nothing survives the process. */
export function createMemoryLog(options: MemoryLogOptions = {}): CompleteEventLog {
  return createMemoryEngine(options).open()
}

/** A memory log for several hubs of one process, in the way a network serves several machines. */
export function createMemoryEngine(options: MemoryLogOptions = {}): MemoryEngine {
  const { maxLength = DEFAULT_MEMORY_LOG_LENGTH, now = Date.now } = options
  const [epoch, secret] = [mintEpoch(), mintSecret()]
  const store = new Store()
  const reader = new Reader(store)
  const trimmer = new Trimmer(store)
  const records = new IdempotencyRecords(maxLength)
  const notes = new Notes()
  /** The tails of every open node. */
  const nodes = new Set<TailListeners>()

  function append(batch: readonly NewEvent[]): Appended[] {
    const time = now()
    const refusal = refusalOf(
      batch,
      (topic) => store.topics.get(topic)?.ended !== undefined,
      (event) => records.find(event, time) !== undefined,
    )
    if (refusal !== undefined) throw topicEnded(refusal)
    const stored: StoredEvent[] = []
    const appended = batch.map((event) => {
      const first = records.find(event, time)
      if (first !== undefined) return { offset: first, duplicate: true }
      const added = store.add(event, time)
      records.save(event, added.offset, time)
      stored.push(added)
      return { offset: added.offset, duplicate: false }
    })
    if (stored.length > 0) for (const tails of nodes) tails.events(stored)
    dropOldest()
    return appended
  }

  /** Always keeps the newest event, however large. */
  function dropOldest(): void {
    if (store.length <= maxLength) return
    for (const entry of store.entries.after(0)) {
      if (store.length <= maxLength || entry.place === store.newest) return
      store.remove(entry)
    }
  }

  function open(): CompleteEventLog {
    const tails = new TailListeners()
    nodes.add(tails)
    let isClosed = false

    function assertOpen(): void {
      if (isClosed) throw new LogError('closed', 'The log is closed.')
    }

    /** Reads one page, in several slices of the event loop if it needs more than one. */
    async function page(query: Query, accepts: (entry: Entry) => boolean): Promise<Page> {
      for (;;) {
        assertOpen()
        const slice = new Slice()
        const found = reader.page(query, accepts, slice)
        if (slice.isOver) await new Promise(setImmediate)
        if (found !== undefined) return found
      }
    }

    /** Calls to an open log are executed at once. */
    function whenOpen<Args extends unknown[], T>(task: (...args: Args) => T): (...args: Args) => Promise<T> {
      return async (...args) => {
        assertOpen()
        return task(...args)
      }
    }

    return {
      append: whenOpen(append),
      read: (query) => page(query, () => true),
      tail: whenOpen((listener) => ({ after: store.newest, stop: tails.add(listener) })),
      describe: whenOpen(() => ({ epoch, oldest: store.oldest, newest: store.newest })),
      ready: whenOpen(() => undefined),

      async close() {
        isClosed = true
        nodes.delete(tails)
        tails.clear()
      },

      snapshots: { read: (query) => page(query, (entry) => entry.isNewestOfKey) },

      topics: {
        list: whenOpen((query) => store.list(query)),
        ended: whenOpen((names) => names.map((name) => store.topics.get(name)?.ended)),
      },

      retention: {
        // A step is one iteration of the event loop, so no two nodes are at work at the same time: they share one
        // round.
        trim: whenOpen((rules, at) => {
          const trimmed = trimmer.step(rules, at)
          if (trimmed.done) {
            records.expire(at)
            notes.expire(at)
          }
          return trimmed
        }),

        purge: whenOpen((name) => {
          const purged = store.purge(name)
          if (purged === undefined) return false
          for (const each of nodes) each.purged(name, purged.newest)
          return true
        }),
      },

      shared: {
        secret: whenOpen(() => secret),
        note: whenOpen((note) => notes.add(note, now())),
        notes: whenOpen((query) => notes.find(query, now())),
      },
    }
  }

  return { open }
}
