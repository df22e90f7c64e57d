import { LogError, type StoredEvent, type TailListener } from '@tailrace/log'
import { storedEvents, type BatchResult, type Threads } from '@tailrace/log/sqlite'
import type { EntryResult, PlacedRecord, RecordResult } from './index/apply.ts'
import type { IndexWriter } from './index/writer.ts'
import { decodeRecord } from './record/decode.ts'
import { MAX_EVENTS, offsetBefore } from './record/record.ts'
import type { Entry } from './record/record.ts'
import type { Consumer, SequencedRecord } from './sequencer.ts'
import type { WriteQueue } from './write-queue.ts'

/** Maximum records, and bytes, that are applied in one transaction. */
const MAX_RECORDS = 500
const MAX_BYTES = 2 * 1024 * 1024

export interface FeedListener extends Pick<TailListener, 'events' | 'purged' | 'lost'> {
  /** A record was skipped because it is not ours. */
  foreign(position: number): void
  /** The log has another epoch from this record on. */
  renewed(position: number): void
  /** A node is removing what retention gives up. */
  tended(node: string): void
  /**
   * The index cannot apply these records; undefined if they are not understood. Nothing more is reported.
   */
  failed(error: LogError, records: readonly PlacedRecord[] | undefined): void
}

/** How far a node has come. */
export interface Place {
  /** Everything up to here was applied, and reported. */
  readonly position: number
  /** The newest offset that was reported. */
  readonly newest: number
}

/** What the index still holds of a record that it applied earlier. */
interface Remainder {
  readonly events: readonly StoredEvent[]
  /** Something up to here may have been removed; 0 if nothing was. */
  readonly lostThrough: number
}

const NOTHING: Remainder = { events: [], lostThrough: 0 }

interface Waiting {
  readonly position: number
  resolve(): void
  reject(error: LogError): void
}

/** Leads the records of the sequence through the index to the tails and the publishers of this node. */
export class Feed implements Consumer {
  #position: number
  #newest: number
  readonly #index: Threads<IndexWriter>
  readonly #queue: WriteQueue
  readonly #listener: FeedListener
  readonly #waiting = new Set<Waiting>()
  #isStopped = false
  #begin!: () => void
  /** Resolves once the first records were applied, or found to be those that were. */
  readonly began: Promise<void> = new Promise((resolve) => {
    this.#begin = resolve
  })

  constructor(
    index: Threads<IndexWriter>,
    queue: WriteQueue,
    listener: FeedListener,
    { position, newest }: Place,
  ) {
    this.#index = index
    this.#queue = queue
    this.#listener = listener
    this.#position = position
    this.#newest = newest
  }

  get place(): Place {
    return { position: this.#position, newest: this.#newest }
  }

  /** Continues elsewhere. Only before records arrive. */
  moveTo({ position, newest }: Place): void {
    this.#position = position
    this.#newest = newest
  }

  async records(records: readonly SequencedRecord[]): Promise<void> {
    for (let from = 0; from < records.length && !this.#isStopped;) {
      const to = from + countWithin(records, from)
      await this.#apply(records.slice(from, to))
      from = to
    }
  }

  /** Resolves once everything up to a position was applied. */
  reach(position: number): Promise<void> {
    if (this.#position >= position) return Promise.resolve()
    return new Promise((resolve, reject) => this.#waiting.add({ position, resolve, reject }))
  }

  /** Another feed continues. */
  stop(reason: LogError): void {
    this.#isStopped = true
    for (const { reject } of this.#waiting) reject(reason)
    this.#waiting.clear()
  }

  async #apply(records: readonly SequencedRecord[]): Promise<void> {
    let placed: PlacedRecord[] | undefined
    try {
      placed = records.map(place)
      const results = await this.#index.writer.call('apply', placed)
      await this.#reportAll(placed, results)
    } catch (error) {
      if (this.#isStopped) return
      this.#isStopped = true
      const reason = LogError.is(error) ? error : new LogError('unwritable', String(error), { cause: error })
      this.#listener.failed(reason, placed)
    }
  }

  async #reportAll(placed: readonly PlacedRecord[], results: readonly RecordResult[]): Promise<void> {
    for (const [i, one] of placed.entries()) {
      // The last record is consumed again when the connection is a new one.
      if (one.position <= this.#position) continue
      const again = results[i] === 'again' ? await this.#remainderOf(one.position) : NOTHING
      // From here on, the next feed begins after what this one has reported.
      if (this.#isStopped) return
      this.#report(one, results[i]!, again)
      this.#position = one.position
    }
    if (this.#isStopped) return
    this.#begin()
    this.#queue.reached(this.#position)
    for (const waiting of this.#waiting) {
      if (waiting.position > this.#position) continue
      this.#waiting.delete(waiting)
      waiting.resolve()
    }
  }

  /** @param again - what is left of a record that was applied before, whose results are not known */
  #report({ position, time, record }: PlacedRecord, result: RecordResult, again: Remainder): void {
    if (record === undefined) {
      this.#listener.foreign(position)
      return
    }
    const { entries, node, number } = record
    if (result === 'again') this.#tellAgain(position, entries, again)
    else if (result !== 'ignored') this.#tell(entries, result.entries, record.time ?? Math.floor(time))
    if (result !== 'ignored' && entries.some(({ kind }) => kind === 'epoch')) this.#listener.renewed(position)
    if (entries.some(({ kind }) => kind === 'removal' || kind === 'part')) this.#listener.tended(node)
    if (node === this.#queue.node) this.#queue.applied(number, result)
  }

  #tell(entries: readonly Entry[], results: readonly EntryResult[], time: number): void {
    const events: StoredEvent[] = []
    for (const [i, entry] of entries.entries()) {
      if (entry.kind === 'batch') events.push(...storedEvents(entry.events, results[i] as BatchResult, time))
      if (entry.kind !== 'purge') continue
      this.#tellEvents(events.splice(0))
      const { purgedThrough } = results[i] as { purgedThrough: number | undefined }
      if (purgedThrough !== undefined) this.#listener.purged(entry.topic, purgedThrough)
    }
    this.#tellEvents(events)
  }

  /** Purges are reported even if they found nothing: what they found is not known. */
  #tellAgain(position: number, entries: readonly Entry[], { events, lostThrough }: Remainder): void {
    if (lostThrough > 0) {
      this.#newest = lostThrough
      this.#listener.lost(lostThrough)
    }
    this.#tellEvents(events.filter(({ offset }) => offset > lostThrough))
    for (const entry of entries) {
      if (entry.kind === 'purge') this.#listener.purged(entry.topic, offsetBefore(position))
    }
  }

  async #remainderOf(position: number): Promise<Remainder> {
    const events: StoredEvent[] = []
    const end = offsetBefore(position + 1)
    let lostThrough = 0
    const query = { selectors: ['**'], limit: MAX_EVENTS, maxBytes: Number.MAX_SAFE_INTEGER }
    for (let after = offsetBefore(position); after < end;) {
      const page = await this.#index.reader.call('read', { ...query, after })
      if (page === undefined) continue
      events.push(...page.events.filter(({ offset }) => offset <= end))
      if (page.lostThrough > offsetBefore(position)) lostThrough = Math.min(page.lostThrough, end)
      after = page.more ? page.next : end
    }
    return { events, lostThrough }
  }

  #tellEvents(events: readonly StoredEvent[]): void {
    if (events.length === 0) return
    this.#newest = events.at(-1)!.offset
    this.#listener.events(events)
  }
}

/** @throws LogError `incompatible` */
export function place({ position, time, bytes }: SequencedRecord): PlacedRecord {
  const record = decodeRecord(bytes)
  if (record === 'newer') {
    throw new LogError(
      'incompatible',
      `The record at position ${position} was written by a newer Tailrace: run that version or newer on this node.`,
      { details: { position } },
    )
  }
  return { position, time, bytes: bytes.length, record: record === 'foreign' ? undefined : record }
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
