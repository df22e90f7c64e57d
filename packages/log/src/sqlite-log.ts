import { isBuiltin } from 'node:module'
import { LogError } from './errors.ts'
import type { CompleteEventLog, Page, Query, StoredEvent } from './event-log.ts'
import { CommitQueue } from './sqlite/commit-queue.ts'
import type { Reader } from './sqlite/reader.ts'
import type { Thread } from './sqlite/thread.ts'
import { Threads } from './sqlite/threads.ts'
import type { Writer } from './sqlite/writer.ts'
import { TailListeners } from './tail-listeners.ts'

/** Maximum data waiting for the next commit, in UTF-16 code units. Beyond that, `append` rejects with `busy`. */
export const DEFAULT_MAX_PENDING_LENGTH: number = 64 * 1024 * 1024

/** One page of what a writer had committed when it died. */
const CATCH_UP = { limit: 1_000, maxBytes: 16 * 1024 * 1024 }
/** A page that only reports losses. */
const NOTHING = { limit: 1, maxBytes: 1 }

/** The file of a log, its bound and its clock. */
export interface SqliteLogOptions {
  /** The file, which is created if necessary. Its folder must exist, on a local disk. */
  readonly path: string
  /** @defaultValue {@link DEFAULT_MAX_PENDING_LENGTH} */
  readonly maxPendingLength?: number | undefined
  /** The wall clock, in milliseconds. @defaultValue `Date.now` */
  readonly now?: (() => number) | undefined
}

/**
 * A log in one SQLite file: durable against the death of the machine (write-ahead log, `synchronous = FULL`), for
 * one process at a time.
 *
 * Commits are grouped: events appended while one is under way wait and share the next. A single publisher pays one
 * fsync per event; sixty-four concurrent ones pay about one in total.
 *
 * Next to the file are a mark, by which the log recognizes a backup that was copied over it, and a reserve of at
 * most 8 MiB, which retention uses when the disk is full. Publishes reject with `full` until the reserve is
 * available again.
 *
 * @throws LogError `locked`, `foreign`, `incompatible`, `read-only`, `full`, `corrupt` or `cannot-open`; the last
 * also on a Node without SQLite, which is built in from 22.13 on
 */
export async function openSqliteLog(options: SqliteLogOptions): Promise<CompleteEventLog> {
  const { path, maxPendingLength = DEFAULT_MAX_PENDING_LENGTH, now = Date.now } = options
  if (!isBuiltin('node:sqlite')) {
    throw new LogError(
      'cannot-open',
      `The log ${path} needs the SQLite built into Node 22.13 and later; this is Node ${process.versions.node}. Upgrade Node, or use createMemoryLog().`,
      { details: { path, node: process.versions.node } },
    )
  }
  const listeners = new TailListeners()
  let isClosed = false
  // Emitted JavaScript keeps this URL as it is written, so it must name the file that really exists.
  const body = import.meta.url.endsWith('.ts') ? './sqlite/worker.ts' : './sqlite/worker.js'
  const threads = await Threads.start<Writer>(new URL(body, import.meta.url), path, {
    died: (reason) => listeners.interrupted(reason),
    async revived(role) {
      if (role === 'writer') await catchUp()
    },
    complete: () => listeners.resumed(),
  })

  let newest = await newestOf(threads)
  const queue = new CommitQueue({
    maxPendingLength,
    now,
    commit: async (batches) => threads.writer.call('commit', batches),
    stored: tell,
  })
  let closing: Promise<void> | undefined
  /** Topics for which a writer died before it reported whether it had purged them. Bounded by their callers. */
  const unsurePurges = new Set<string>()

  function closed(): LogError {
    return new LogError('closed', `The log ${path} is closed.`)
  }

  function assertOpen(): void {
    if (isClosed) throw closed()
  }

  function reader(): Thread<Reader> {
    assertOpen()
    return threads.reader
  }

  function writer(): Thread<Writer> {
    assertOpen()
    return threads.writer
  }

  /** Reports what a writer had committed when it died, and could not report any more. */
  async function catchUp(): Promise<void> {
    for (let after = newest, more = true; more;) {
      const page = await pageOf(threads.reader, 'read', { selectors: ['**'], after, ...CATCH_UP })
      if (page.events.length > 0) tell(page.events)
      after = page.next
      more = page.more
    }
    for (const topic of unsurePurges) {
      const query = { selectors: [topic], after: 0, ...NOTHING }
      const { lostThrough } = await pageOf(threads.reader, 'read', query)
      listeners.purged(topic, lostThrough)
      unsurePurges.delete(topic)
    }
  }

  /** Calls again while a page needs more than one slice of work: other reads are served in between. */
  async function pageOf(from: Thread<Reader>, kind: 'read' | 'snapshot', query: Query): Promise<Page> {
    for (;;) {
      const page = await from.call(kind, query)
      if (page !== undefined) return page
    }
  }

  function tell(events: readonly StoredEvent[]): void {
    newest = events.at(-1)!.offset
    listeners.events(events)
  }

  return {
    append: (batch) => (isClosed ? Promise.reject(closed()) : queue.append(batch)),

    read: async (query) => pageOf(reader(), 'read', query),
    describe: async () => reader().call('describe'),

    async tail(listener) {
      assertOpen()
      return { after: newest, stop: listeners.add(listener) }
    },

    async ready() {
      await writer().call('probe')
      await reader().call('describe')
    },

    close() {
      closing ??= (async () => {
        isClosed = true
        await queue.idle()
        await threads.close()
        listeners.clear()
      })()
      return closing
    },

    snapshots: { read: async (query) => pageOf(reader(), 'snapshot', query) },

    topics: {
      list: async (query) => reader().call('topics', query),
      ended: async (topics) => reader().call('ended', topics),
    },

    retention: {
      trim: async (rules, at) => writer().call('trim', rules, at),
      async purge(topic) {
        try {
          const through = await writer().call('purge', topic)
          if (through === undefined) return false
          listeners.purged(topic, through)
          return true
        } catch (error) {
          if (LogError.is(error) && error.code === 'outcome-unknown') unsurePurges.add(topic)
          throw error
        }
      },
    },

    shared: {
      secret: async () => reader().call('secret'),
      note: async (note) => writer().call('note', note, now()),
      notes: async (query) => reader().call('notes', query, now()),
    },
  } satisfies CompleteEventLog
}

async function newestOf(threads: Threads<Writer>): Promise<number> {
  try {
    return (await threads.reader.call('describe')).newest
  } catch (error) {
    await threads.close()
    throw error
  }
}
