import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { LogError, type RetentionRule } from '@tailrace/log'
import {
  createEventTable,
  createNoteTable,
  createTopicTable,
  lock,
  openForWriting,
  transaction,
  type BatchResult,
} from '@tailrace/log/sqlite'
import { offsetBefore, type Entry, type LogRecord } from '../record/record.ts'
import { createNodeTable } from './node-table.ts'
import { createPlanner, type Plan } from './plan.ts'
import { createRemover, type Removed } from './remove.ts'
import { createStandingTable, INDEX_FORMAT, type Standing } from './schema.ts'

/** A record in its place. */
export interface PlacedRecord {
  readonly position: number
  /** By the clock of the sequencer, in milliseconds. */
  readonly time: number
  /** Undefined if it is somebody else's. */
  readonly record: LogRecord | undefined
}

/** The result of an entry: of a batch, of a note, of a purge, of a removal. */
export type EntryResult =
  | BatchResult
  | { readonly isFirst: boolean }
  | { readonly purgedThrough: number | undefined }
  | Removed
  | undefined

/**
 * The results of the entries of a record. `again` if it was applied before, and its results are no longer known;
 * `ignored` if it changes nothing.
 */
export type RecordResult = { readonly entries: readonly EntryResult[] } | 'again' | 'ignored'

/** The only writer of an index, on its own thread. */
export interface IndexWriter {
  standing(): Standing
  /** Binds an index that belongs to no log yet to a sequence. Forgets what it knows of another one. */
  adopt(identity: string): void
  /**
   * Applies records, in order, in one transaction.
   *
   * @throws LogError `replaced` if the records show that the log is not the one that was applied so far
   */
  apply(records: readonly PlacedRecord[]): RecordResult[]
  /** One step of retention. Changes nothing: the plan must become a record. */
  plan(rules: readonly RetentionRule[], now: number): Plan
  close(): void
}

/** @throws LogError as `openSequencedLog` does */
export function openIndexWriter(path: string): IndexWriter {
  mkdirSync(dirname(path), { recursive: true })
  const held = lock(path)
  let db: DatabaseSync
  try {
    db = openForWriting(path, INDEX_FORMAT)
  } catch (error) {
    held.close()
    throw error
  }
  // Without an fsync for each commit: what the death of the machine takes away is applied again.
  db.exec('PRAGMA synchronous = NORMAL')
  const standings = createStandingTable(db)
  const nodes = createNodeTable(db)
  const topics = createTopicTable(db)
  const events = createEventTable(db, topics, () => false)
  const notes = createNoteTable(db)
  const remover = createRemover(db, topics)
  const planner = createPlanner(db)
  let standing = standings.read()

  function apply({ position, time: stored, record }: PlacedRecord): RecordResult {
    const name = record === undefined ? '' : `${record.node}.${record.number}`
    if (position === standing.position && name !== standing.record) throw replaced(path, position)
    if (position <= standing.position) return record === undefined ? 'ignored' : 'again'
    standing = { ...standing, position, record: name }
    if (record === undefined) {
      standing = { ...standing, foreign: standing.foreign + 1 }
      return 'ignored'
    }
    if (!nodes.isNew(record.node, record.number, position)) return 'ignored'
    const [first] = record.entries
    if (first?.kind === 'genesis') begin(first, position)
    if (record.epoch !== standing.epoch) return 'ignored'
    const time = record.time ?? Math.floor(stored)
    let newest = offsetBefore(position)
    const nextOffset = (): number => (newest += 1)
    const entries = record.entries.map((entry) => applyEntry(entry, time, nextOffset))
    if (newest > offsetBefore(position)) standing = { ...standing, newest }
    return { entries }
  }

  function applyEntry(entry: Entry, time: number, nextOffset: () => number): EntryResult {
    switch (entry.kind) {
      case 'genesis':
        return undefined
      case 'batch':
        return events.store(entry.events, time, nextOffset)
      case 'note':
        return { isFirst: notes.note(entry.note, time) }
      case 'purge': {
        topics.save()
        const purgedThrough = topics.purge(entry.topic)
        topics.forget()
        return { purgedThrough }
      }
      case 'removal':
        return remover.remove(entry.removal)
    }
  }

  /** Of two nodes that begin a log at the same time, the first one in the order does. */
  function begin({ epoch, secret, after }: Extract<Entry, { kind: 'genesis' }>, position: number): void {
    if (standing.epoch !== '' && after < standing.genesis) return
    if (standing.epoch !== '') throw forgotten(path, position)
    standing = { ...standing, epoch, secret, genesis: position }
  }

  return {
    standing: () => standing,

    adopt(identity) {
      const next = { ...standing, identity, position: 0, record: '', foreign: 0 }
      transaction(db, 'BEGIN IMMEDIATE', () => standings.save(standing, next))
      standing = next
    },

    apply(records) {
      const before = standing
      try {
        return transaction(db, 'BEGIN IMMEDIATE', () => {
          const results = records.map(apply)
          topics.save()
          nodes.save()
          standings.save(before, standing)
          return results
        })
      } catch (error) {
        standing = before
        topics.forget()
        nodes.forget()
        throw error
      }
    },

    plan: (rules, now) => planner.step(rules, now),

    close() {
      db.close()
      held.close()
    },
  }
}

function replaced(path: string, position: number): LogError {
  return new LogError(
    'replaced',
    `The engine has another record at position ${position} than the one that was applied to the index ${path}: it went back ` +
      'in time, or is another one. Stop the hubs, delete their indexes, and start them again.',
    { details: { path, position } },
  )
}

function forgotten(path: string, position: number): LogError {
  return new LogError(
    'replaced',
    `The engine has lost the beginning of the log, and a node began a new one at position ${position}, which the index ` +
      `${path} does not belong to. Stop the hub, delete the index, and start the hub again.`,
    { details: { path, position } },
  )
}
