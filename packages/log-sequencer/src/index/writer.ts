import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { LogError, type RetentionRule } from '@tailrace/log'
import { lock, openForWriting, transaction } from '@tailrace/log/sqlite'
import type { Part } from '../record/record.ts'
import { createApplier, type PlacedRecord, type RecordResult } from './apply.ts'
import { createLoader, partsOf } from './checkpoint.ts'
import { createNodeTable } from './node-table.ts'
import { createPlanner, type Plan } from './plan.ts'
import { createStandingTable, INDEX_FORMAT, listEpochs, type Standing } from './schema.ts'

/** How many unused pages are returned to the disk after a removal. */
const MAX_VACUUM_PAGES = 512

/** What the records and the index occupy, in bytes. */
export interface Sizes {
  /** The records after the newest checkpoint. */
  readonly records: number
  readonly index: number
}

/** The only writer of an index, on its own thread. */
export interface IndexWriter {
  standing(): Standing
  sizes(): Sizes
  /** Empties the index, and binds it to a sequence. */
  reset(identity: string): void
  /** Empties the index, because the engine has lost records that were applied to it. That is never forgotten. */
  forsake(): void
  /**
   * Applies records, in order, in one transaction.
   *
   * @throws LogError `replaced` if the records show that the log is not the one that was applied so far
   */
  apply(records: readonly PlacedRecord[]): RecordResult[]
  /**
   * Adds parts of a checkpoint to an index that was reset. Those of others than the one that began last are ignored.
   *
   * @returns whether it is complete: the index now stands where the checkpoint was made
   */
  load(parts: readonly { readonly node: string; readonly part: Part }[]): boolean
  /** One step of retention. Changes nothing: the plan must become a record. */
  plan(rules: readonly RetentionRule[], now: number): Plan
  /** Begins a checkpoint of the index as it is now, in place of an unfinished one. */
  beginCheckpoint(): void
  /** The next part of the checkpoint that was begun. Undefined if none was, or after the last one. */
  nextPart(): Part | undefined
  close(): void
}

/** @throws LogError as `openSequencedLog` does */
export function openIndexWriter(path: string): IndexWriter {
  makeFolder(path)
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
  const applier = createApplier(db, path)
  const loader = createLoader(db)
  const nodes = createNodeTable(db)
  const planner = createPlanner(db)
  const vacuum = db.prepare(`PRAGMA incremental_vacuum(${MAX_VACUUM_PAGES})`)
  let standing = standings.read()
  /** The checkpoint that is being loaded, and how many of its parts were. */
  let loading: { readonly node: string; readonly position: number; readonly parts: number } | undefined
  let checkpoint: { readonly db: DatabaseSync; readonly parts: Iterator<Part, void> } | undefined

  /** Runs a task in one transaction, which may change the standing. */
  function write<T>(task: () => [result: T, next: Standing]): T {
    try {
      const [result, next] = transaction(db, 'BEGIN IMMEDIATE', () => {
        const done = task()
        standings.save(standing, done[1])
        return done
      })
      standing = next
      return result
    } finally {
      applier.forget()
    }
  }

  function empty(next: Standing): void {
    write(() => {
      loader.clear()
      loading = undefined
      return [undefined, next]
    })
  }

  function add(node: string, { position, number, isLast, table, rows }: Part): boolean {
    if (number === 0) {
      loader.clear()
      loading = { node, position, parts: 0 }
    }
    if (loading === undefined) return false
    if (loading.node !== node || loading.position !== position || loading.parts !== number) return false
    loading = { node, position, parts: number + 1 }
    try {
      loader.add({ position, number, isLast, table, rows })
    } catch (error) {
      throw damaged(position, error)
    }
    return isLast
  }

  function endCheckpoint(): void {
    checkpoint?.db.close()
    checkpoint = undefined
  }

  return {
    standing: () => standing,

    sizes() {
      const [count, unused, size] = ['page_count', 'freelist_count', 'page_size'].map((name) =>
        Number(db.prepare(`PRAGMA ${name}`).get()![name]),
      ) as [number, number, number]
      return { records: standing.bytes - standing.base_bytes, index: (count - unused) * size }
    },

    reset(identity) {
      const { lost, position, record } = standing
      const witness = position > 0 && record !== '' ? record : standing.witness
      empty({ ...standings.nothing, identity, lost, witness })
    },

    forsake() {
      const { identity, epoch, former, lost } = standing
      // Unlike what is applied, this is in no record.
      db.exec('PRAGMA synchronous = FULL')
      try {
        empty({ ...standings.nothing, identity, lost: listEpochs(lost, former, epoch) })
      } finally {
        db.exec('PRAGMA synchronous = NORMAL')
      }
    },

    apply(records) {
      const before = standing
      try {
        const applied = transaction(db, 'BEGIN IMMEDIATE', () => {
          const [results, next] = applier.apply(records, standing)
          standings.save(before, next)
          standing = next
          return results
        })
        if (records.some(isRemoval)) vacuum.all()
        return applied
      } catch (error) {
        standing = before
        applier.forget()
        throw error
      }
    },

    load: (parts) =>
      write(() => {
        const isWhole = parts.some(({ node, part }) => add(node, part))
        if (!isWhole) return [false, standing]
        const { position } = loading!
        const { identity, lost, witness } = standing
        const loaded = {
          ...standings.read(),
          identity,
          position,
          base: position,
          unfinished: '',
          witness: '',
        }
        // The record that this index had applied last may have been lost before others took its place.
        const isSound = witness === '' || nodes.has(witness)
        return [true, { ...loaded, lost: isSound ? lost : listEpochs(lost, loaded.epoch) }]
      }),

    plan: (rules, now) => planner.step(rules, now),

    beginCheckpoint() {
      endCheckpoint()
      const reading = new DatabaseSync(path, { readOnly: true, timeout: 1000 })
      checkpoint = { db: reading, parts: partsOf(reading) }
    },

    nextPart() {
      const next = checkpoint?.parts.next()
      if (next?.done !== false) return undefined
      if (next.value.isLast) endCheckpoint()
      return next.value
    },

    close() {
      endCheckpoint()
      db.close()
      held.close()
    },
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true })
  } catch (error) {
    throw new LogError(
      'cannot-open',
      `The folder of the index ${path} cannot be created: ${String(error)}.`,
      {
        cause: error,
        details: { path },
      },
    )
  }
}

function isRemoval({ record }: PlacedRecord): boolean {
  return record?.entries.some(({ kind }) => kind === 'removal') === true
}

function damaged(position: number, cause: unknown): LogError {
  return new LogError(
    'corrupt',
    `The checkpoint of position ${position} contradicts itself: somebody else than Tailrace has written to the log.`,
    { cause, details: { position } },
  )
}
