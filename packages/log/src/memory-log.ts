import { Answers } from './answers.ts'
import { mintEpoch, mintSecret } from './cursor.ts'
import { refusalOf, topicEnded } from './end-of-topic.ts'
import { LogError } from './errors.ts'
import type { Appended, EventLog, NewEvent, Page, Query, StoredEvent } from './event-log.ts'
import { Reader } from './memory/reader.ts'
import { Store } from './memory/store.ts'
import type { Entry } from './memory/store.ts'
import { Trimmer } from './memory/trim.ts'
import { Notes } from './notes.ts'
import { Slice } from './slice.ts'
import { TailListeners } from './tail-listeners.ts'

/** What a memory log holds at most, in UTF-16 code units of data; beyond it the oldest events go. */
export const DEFAULT_MEMORY_LOG_LENGTH: number = 128 * 1024 * 1024

export interface MemoryLogOptions {
  /**
   * The most data held, in UTF-16 code units, 256 more for each event; beyond it the oldest events of any
   * topic are dropped. Idempotency keys have as much again.
   *
   * @defaultValue {@link DEFAULT_MEMORY_LOG_LENGTH}
   */
  readonly maxLength?: number | undefined
  /** The wall clock, in milliseconds. @defaultValue `Date.now` */
  readonly now?: (() => number) | undefined
}

/** A log for tests and throw-away hubs. It survives nothing. */
export function createMemoryLog(options: MemoryLogOptions = {}): EventLog {
  const { maxLength = DEFAULT_MEMORY_LOG_LENGTH, now = Date.now } = options
  const [epoch, secret] = [mintEpoch(), mintSecret()]
  const store = new Store()
  const reader = new Reader(store)
  const trimmer = new Trimmer(store)
  const answers = new Answers(maxLength)
  const notes = new Notes()
  const listeners = new TailListeners()
  let isClosed = false

  function assertOpen(): void {
    if (isClosed) throw new LogError('closed', 'The log is closed.')
  }

  function append(batch: readonly NewEvent[]): Appended[] {
    const time = now()
    const refusal = refusalOf(
      batch,
      (topic) => store.topics.get(topic)?.ended !== undefined,
      (event) => answers.find(event, time) !== undefined,
    )
    if (refusal !== undefined) throw topicEnded(refusal)
    const stored: StoredEvent[] = []
    const appended = batch.map((event) => {
      const answered = answers.find(event, time)
      if (answered !== undefined) return { offset: answered, duplicate: true }
      const added = store.add(event, time)
      answers.save(event, added.offset, time)
      stored.push(added)
      return { offset: added.offset, duplicate: false }
    })
    if (stored.length > 0) listeners.events(stored)
    dropOldest()
    return appended
  }

  /** Keeps the newest event, however large. */
  function dropOldest(): void {
    if (store.length <= maxLength) return
    for (const entry of store.entries.after(0)) {
      if (store.length <= maxLength || entry.place === store.newest) return
      store.remove(entry)
    }
  }

  /** Reads one page, in slices of the event loop where it takes more than one. */
  async function page(query: Query, accepts: (entry: Entry) => boolean): Promise<Page> {
    for (;;) {
      assertOpen()
      const slice = new Slice()
      const found = reader.page(query, accepts, slice)
      if (slice.isOver) await new Promise(setImmediate)
      if (found !== undefined) return found
    }
  }

  /** What is asked of a log that is open is done at once. */
  function whenOpen<Args extends unknown[], T>(task: (...args: Args) => T): (...args: Args) => Promise<T> {
    return async (...args) => {
      assertOpen()
      return task(...args)
    }
  }

  return {
    append: whenOpen(append),
    read: (query) => page(query, () => true),
    snapshot: (query) => page(query, (entry) => entry.isNewestOfKey),
    ended: whenOpen((names) => names.map((name) => store.topics.get(name)?.ended)),
    topics: whenOpen((query) => store.list(query)),
    tail: whenOpen((listener) => ({ after: store.newest, stop: listeners.add(listener) })),

    trim: whenOpen((rules, at) => {
      const trimmed = trimmer.step(rules, at)
      if (trimmed.done) {
        answers.expire(at)
        notes.expire(at)
      }
      return trimmed
    }),

    purge: whenOpen((name) => {
      const purged = store.purge(name)
      if (purged === undefined) return false
      listeners.purged(name, purged.newest)
      return true
    }),

    note: whenOpen((note) => notes.add(note, now())),
    notes: whenOpen((query) => notes.find(query, now())),
    describe: whenOpen(() => ({ epoch, oldest: store.oldest, newest: store.newest, secret })),
    ready: whenOpen(() => undefined),

    async close() {
      isClosed = true
      listeners.clear()
    },
  } satisfies EventLog
}
