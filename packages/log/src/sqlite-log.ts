import { isBuiltin } from 'node:module'
import { LogError } from './errors.ts'
import { topicEnded } from './end-of-topic.ts'
import type { Appended, CompleteEventLog, NewEvent, Page, Query, StoredEvent } from './event-log.ts'
import type { BatchResult } from './sqlite/event-table.ts'
import { packBatches, unpackResults } from './sqlite/packed.ts'
import type { PackedBatches, PackedResults } from './sqlite/packed.ts'
import type { Reader } from './sqlite/reader.ts'
import type { Thread } from './sqlite/thread.ts'
import { Threads } from './sqlite/threads.ts'
import type { Writer } from './sqlite/writer.ts'
import { TailListeners } from './tail-listeners.ts'

/** Maximum data waiting for the next commit, in UTF-16 code units. Beyond that, `append` rejects with `busy`. */
export const DEFAULT_MAX_PENDING_LENGTH: number = 64 * 1024 * 1024

/** The size of an event in addition to its data, so that a flood of empty events is bounded too. */
const EVENT_OVERHEAD = 256

/**
 * Maximum data of one commit, unless a single batch has more: a commit is one turn of the writer, and must fit into
 * the space reserved on the disk for the write-ahead log.
 */
const MAX_COMMIT_LENGTH = 2 * 1024 * 1024

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

interface Pending {
  readonly batch: readonly NewEvent[]
  readonly length: number
  resolve(appended: readonly Appended[]): void
  reject(error: unknown): void
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
  const pending: Pending[] = []
  let pendingLength = 0
  let committing: Promise<void> | undefined
  let closing: Promise<void> | undefined
  /** Topics for which a writer died before it reported whether it had purged them. Bounded by their callers. */
  const unsurePurges = new Set<string>()

  function assertOpen(): void {
    if (isClosed) throw new LogError('closed', `The log ${path} is closed.`)
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

  /** Hands what waits to the writer. Once it is stored, the next group is on its way before anybody is told. */
  function commitNext(): void {
    const group = pending.splice(0, countWithin(pending, MAX_COMMIT_LENGTH))
    pendingLength -= lengthOf(group)
    const batches = group.map(({ batch }) => batch)
    const time = now()
    const next = (): void => {
      committing = undefined
      if (pending.length > 0) commitNext()
    }
    committing = commit(packBatches(batches), time).then(
      (results) => {
        next()
        settle(group, unpackResults(results, batches), time)
      },
      (error: unknown) => {
        next()
        for (const { reject } of group) reject(error)
      },
    )
  }

  async function commit(batches: PackedBatches, time: number): Promise<PackedResults> {
    return threads.writer.call('commit', batches, time)
  }

  function settle(group: readonly Pending[], results: readonly BatchResult[], time: number): void {
    const events = group.flatMap(({ batch }, i) => stored(batch, results[i]!, time))
    if (events.length > 0) tell(events)
    for (const [i, { resolve, reject }] of group.entries()) {
      const result = results[i]!
      if ('appended' in result) resolve(result.appended)
      else reject(topicEnded(result.refused))
    }
  }

  return {
    append(batch) {
      return new Promise((resolve, reject) => {
        assertOpen()
        const length = batch.reduce((sum, { data }) => sum + data.length + EVENT_OVERHEAD, 0)
        if (pendingLength > 0 && pendingLength + length > maxPendingLength) {
          throw new LogError('busy', 'Too many events are waiting to be written: publish again later.', {
            details: { pendingLength, maxPendingLength },
          })
        }
        pending.push({ batch, length, resolve, reject })
        pendingLength += length
        if (committing === undefined) commitNext()
      })
    },

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
        while (committing !== undefined) await committing
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

function stored(batch: readonly NewEvent[], result: BatchResult, time: number): StoredEvent[] {
  if (!('appended' in result)) return []
  return result.appended.flatMap(({ offset, duplicate }, i) => {
    if (duplicate) return []
    const { topic, type, key, data, remove = false, end = false, trace } = batch[i]!
    return { offset, topic, type, key, data, time, remove, end, trace }
  })
}

function lengthOf(group: readonly Pending[]): number {
  return group.reduce((sum, { length }) => sum + length, 0)
}

/** How many of the first fit into a length together; at least one. */
function countWithin(group: readonly Pending[], maxLength: number): number {
  let length = 0
  const beyond = group.findIndex((one, i) => {
    length += one.length
    return i > 0 && length > maxLength
  })
  return beyond === -1 ? group.length : beyond
}
