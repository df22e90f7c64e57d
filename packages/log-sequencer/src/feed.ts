import type { LogError, NewEvent, StoredEvent, TailListener } from '@tailrace/log'
import { LogError as Failure } from '@tailrace/log'
import type { BatchResult, Threads } from '@tailrace/log/sqlite'
import type { EntryResult, IndexWriter, PlacedRecord, RecordResult } from './index/writer.ts'
import { decodeRecord } from './record/decode.ts'
import { MAX_EVENTS, offsetBefore } from './record/record.ts'
import type { Entry, LogRecord } from './record/record.ts'
import type { Consumer, SequencedRecord } from './sequencer.ts'
import type { WriteQueue } from './write-queue.ts'

/** Maximum records, and bytes, that are applied in one transaction. */
const MAX_RECORDS = 500
const MAX_BYTES = 2 * 1024 * 1024

export interface FeedListener extends Pick<TailListener, 'events' | 'purged'> {
  /** Records were skipped because they are not ours. */
  foreign(position: number): void
  /** The index cannot apply the records. Nothing more is reported. */
  failed(error: LogError): void
}

interface Waiting {
  readonly position: number
  resolve(): void
  reject(error: LogError): void
}

/** Leads the records of the sequence through the index to the tails and the publishers of this node. */
export class Feed implements Consumer {
  /** Everything up to here was applied, and reported. */
  position: number
  /** The newest offset that was reported. */
  newest: number
  readonly #index: Threads<IndexWriter>
  readonly #queue: WriteQueue
  readonly #listener: FeedListener
  readonly #waiting = new Set<Waiting>()
  #isStopped = false

  constructor(
    index: Threads<IndexWriter>,
    queue: WriteQueue,
    listener: FeedListener,
    place: { position: number; newest: number },
  ) {
    this.#index = index
    this.#queue = queue
    this.#listener = listener
    this.position = place.position
    this.newest = place.newest
  }

  async records(records: readonly SequencedRecord[]): Promise<void> {
    for (let from = 0; from < records.length && !this.#isStopped;) {
      const to = from + countWithin(records, from)
      try {
        await this.#apply(records.slice(from, to))
      } catch (error) {
        if (this.#isStopped) return
        this.#isStopped = true
        this.#listener.failed(
          Failure.is(error) ? error : new Failure('unwritable', String(error), { cause: error }),
        )
      }
      from = to
    }
  }

  /** Resolves once everything up to a position was applied. */
  reach(position: number): Promise<void> {
    if (this.position >= position) return Promise.resolve()
    return new Promise((resolve, reject) => this.#waiting.add({ position, resolve, reject }))
  }

  /** Another feed continues. */
  stop(reason: LogError): void {
    this.#isStopped = true
    for (const { reject } of this.#waiting) reject(reason)
    this.#waiting.clear()
  }

  async #apply(records: readonly SequencedRecord[]): Promise<void> {
    const placed = records.map(({ position, time, bytes }) => ({
      position,
      time,
      record: decode(position, bytes),
    }))
    const results = await this.#index.writer.call('apply', placed)
    if (this.#isStopped) return
    for (const [i, one] of placed.entries()) {
      // The last record is reported again when the connection is a new one.
      if (one.position <= this.position) continue
      await this.#report(one, results[i]!)
      this.position = one.position
    }
    this.#queue.reached(this.position)
    for (const waiting of this.#waiting) {
      if (waiting.position > this.position) continue
      this.#waiting.delete(waiting)
      waiting.resolve()
    }
  }

  async #report({ position, time, record }: PlacedRecord, result: RecordResult): Promise<void> {
    if (record === undefined) this.#listener.foreign(position)
    else if (result === 'again') await this.#reportAgain(position, record)
    else if (result !== 'ignored') {
      this.#tell(record.entries, result.entries, record.time ?? Math.floor(time))
    }
    if (record?.node === this.#queue.node) this.#queue.applied(record.number, result)
  }

  #tell(entries: readonly Entry[], results: readonly EntryResult[], time: number): void {
    const events: StoredEvent[] = []
    for (const [i, entry] of entries.entries()) {
      if (entry.kind === 'batch') events.push(...stored(entry.events, results[i] as BatchResult, time))
      if (entry.kind !== 'purge') continue
      this.#tellEvents(events.splice(0))
      const { purgedThrough } = results[i] as { purgedThrough: number | undefined }
      if (purgedThrough !== undefined) this.#listener.purged(entry.topic, purgedThrough)
    }
    this.#tellEvents(events)
  }

  /** The index had applied a record when its thread died, and could not say with what result. */
  async #reportAgain(position: number, { entries }: LogRecord): Promise<void> {
    const query = { selectors: ['**'], limit: MAX_EVENTS, maxBytes: Number.MAX_SAFE_INTEGER }
    for (let after = offsetBefore(position), end = offsetBefore(position + 1); after < end;) {
      const page = await this.#index.reader.call('read', { ...query, after })
      if (page === undefined) continue
      this.#tellEvents(page.events.filter(({ offset }) => offset <= end))
      after = page.more ? page.next : end
    }
    for (const entry of entries)
      if (entry.kind === 'purge') this.#listener.purged(entry.topic, offsetBefore(position))
  }

  #tellEvents(events: readonly StoredEvent[]): void {
    if (events.length === 0) return
    this.newest = events.at(-1)!.offset
    this.#listener.events(events)
  }
}

function decode(position: number, bytes: Uint8Array): LogRecord | undefined {
  const record = decodeRecord(bytes)
  if (record === 'newer') {
    throw new Failure(
      'incompatible',
      `The record at position ${position} was written by a newer Tailrace: run that version or newer on this node.`,
      { details: { position } },
    )
  }
  return record === 'foreign' ? undefined : record
}

function stored(batch: readonly NewEvent[], result: BatchResult, time: number): StoredEvent[] {
  if (!('appended' in result)) return []
  return result.appended.flatMap(({ offset, duplicate }, i) => {
    if (duplicate) return []
    const { topic, type, key, data, remove = false, end = false, trace } = batch[i]!
    return { offset, topic, type, key, data, time, remove, end, trace }
  })
}

/** How many of the records after one are applied together; at least one. */
function countWithin(records: readonly SequencedRecord[], from: number): number {
  let count = 0
  for (let bytes = 0; count < MAX_RECORDS && from + count < records.length; count += 1) {
    bytes += records[from + count]!.bytes.length
    if (count > 0 && bytes > MAX_BYTES) break
  }
  return count
}
