import type { DatabaseSync } from 'node:sqlite'
import { LogError } from '@tailrace/log'
import { createEventTable, createNoteTable, createTopicTable, type BatchResult } from '@tailrace/log/sqlite'
import { offsetBefore, type Entry, type LogRecord, type Part } from '../record/record.ts'
import { createNodeTable } from './node-table.ts'
import { createRemover, type Removed } from './remove.ts'
import { listEpochs, type Standing, type Unfinished } from './schema.ts'

/** A record in its place. */
export interface PlacedRecord {
  readonly position: number
  /** By the clock of the sequencer, in milliseconds. */
  readonly time: number
  /** Its size. */
  readonly bytes: number
  /** Undefined if it is somebody else's. */
  readonly record: LogRecord | undefined
}

/** The result of an entry: of a batch, of a note, of a purge, of a removal, of a part. */
export type EntryResult =
  | BatchResult
  | { readonly isFirst: boolean }
  | { readonly purgedThrough: number | undefined }
  | Removed
  /** The checkpoint is whole. */
  | { readonly isBase: boolean }
  | undefined

/**
 * The results of the entries of a record. `again` if it was applied before, and its results are no longer known;
 * `ignored` if it changes nothing.
 */
export type RecordResult = { readonly entries: readonly EntryResult[] } | 'again' | 'ignored'

/** Derives an index from records. Whatever it does depends on nothing but them. Runs within the transactions of the writer. */
export interface Applier {
  /** @throws LogError `replaced` */
  apply(records: readonly PlacedRecord[], standing: Standing): [results: RecordResult[], next: Standing]
  /** Forgets what it remembers of the tables, which others have changed, or which were rolled back. */
  forget(): void
}

export function createApplier(db: DatabaseSync, path: string): Applier {
  const nodes = createNodeTable(db)
  const topics = createTopicTable(db)
  // Which topics are bounded is known only to the node that is at work on retention.
  const events = createEventTable(db, topics, () => true)
  const notes = createNoteTable(db)
  const remover = createRemover(db, topics)
  let standing!: Standing

  function applyRecord({ position, time, bytes, record }: PlacedRecord): RecordResult {
    const name = record === undefined ? '' : `${record.node}.${record.number}`
    if (position === standing.position && name !== standing.record) throw replaced(path, position)
    if (position <= standing.position) return record === undefined ? 'ignored' : 'again'
    const { ours } = standing
    standing = { ...standing, position, record: name, bytes: standing.bytes + bytes }
    if (record === undefined) {
      standing = { ...standing, foreign: standing.foreign + 1 }
      return 'ignored'
    }
    standing = { ...standing, ours: position }
    const [first] = record.entries
    // Of two nodes that begin a log at the same time, the first one in the order does.
    if (first?.kind === 'genesis' && first.after >= ours && first.after < position) begin(first, position)
    if (record.epoch !== standing.epoch || !nodes.isNew(record.node, record.number, position))
      return 'ignored'
    return { entries: applyEntries(record, position, record.time ?? Math.floor(time)) }
  }

  function applyEntries({ entries, node }: LogRecord, position: number, time: number): EntryResult[] {
    let newest = offsetBefore(position)
    const nextOffset = (): number => (newest += 1)
    const results = entries.map((entry) => applyEntry(entry, node, time, nextOffset))
    if (newest > offsetBefore(position)) standing = { ...standing, newest }
    return results
  }

  function applyEntry(entry: Entry, node: string, time: number, nextOffset: () => number): EntryResult {
    switch (entry.kind) {
      case 'epoch':
        standing = { ...standing, epoch: entry.epoch, former: listEpochs(standing.former, standing.epoch) }
        return undefined
      case 'batch':
        return events.store(entry.events, time, nextOffset)
      case 'note':
        return { isFirst: notes.note(entry.note, time) }
      case 'purge':
        return { purgedThrough: purge(entry.topic) }
      case 'removal':
        return remover.remove(entry.removal)
      case 'part':
        return { isBase: follow(node, entry.part) }
      default:
        return undefined
    }
  }

  function begin({ epoch, secret }: Extract<Entry, { kind: 'genesis' }>, position: number): void {
    if (standing.epoch !== '') throw forgotten(path, position)
    standing = { ...standing, epoch, secret }
  }

  function purge(topic: string): number | undefined {
    topics.save()
    const through = topics.purge(topic)
    topics.forget()
    return through
  }

  /** @returns whether the checkpoint is whole now, so that the records up to its position are no longer needed */
  function follow(node: string, { position, number, isLast, table, rows }: Part): boolean {
    if (number === 0) {
      const bytes = table === 'meta' ? rows.find(([name]) => name === 'bytes')?.[1] : undefined
      const began = { node, position, parts: 0, bytes: typeof bytes === 'number' ? bytes : 0 }
      standing = { ...standing, unfinished: JSON.stringify(began satisfies Unfinished) }
    }
    if (standing.unfinished === '') return false
    const one = JSON.parse(standing.unfinished) as Unfinished
    if (one.node !== node || one.position !== position || one.parts !== number) return false
    standing = { ...standing, unfinished: JSON.stringify({ ...one, parts: number + 1 } satisfies Unfinished) }
    if (!isLast || position < standing.base) return false
    standing = { ...standing, unfinished: '', base: position, base_bytes: one.bytes }
    return true
  }

  return {
    apply(records, before) {
      standing = before
      const results = records.map(applyRecord)
      topics.save()
      nodes.save()
      return [results, standing]
    },

    forget() {
      topics.forget()
      nodes.forget()
    },
  }
}

function replaced(path: string, position: number): LogError {
  return new LogError(
    'replaced',
    `The engine went back in time: it has another record at position ${position} than the one that was applied to the ` +
      `index ${path}.`,
    { details: { path, position } },
  )
}

function forgotten(path: string, position: number): LogError {
  return new LogError(
    'replaced',
    `The engine has lost the beginning of the log, and a node began a new one at position ${position}, which the index ` +
      `${path} does not belong to.`,
    { details: { path, position } },
  )
}
