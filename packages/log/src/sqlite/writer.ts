import type { DatabaseSync } from 'node:sqlite'
import type { Note } from '../event-log.ts'
import { ruleFor } from '../retention.ts'
import type { RetentionRule } from '../retention.ts'
import { assertInPlace, fileOf, isOutOfSpace, lock, openForWriting, transaction } from './database.ts'
import { EngineFailure } from './engine-failure.ts'
import { keepEpoch } from './epoch.ts'
import type { EpochKeeper } from './epoch.ts'
import { createEventTable } from './event-table.ts'
import { inodeOf } from './inode.ts'
import { readMark } from './mark.ts'
import { createNoteTable } from './note-table.ts'
import { packResults, unpackBatches } from './packed.ts'
import type { PackedBatches, PackedResults } from './packed.ts'
import { openReserve } from './reserve.ts'
import type { Reserve } from './reserve.ts'
import { createTopicTable } from './topic-table.ts'
import { createTrimmer } from './trim.ts'
import { extendWal, removeStrayWal } from './wal.ts'

/** When the write-ahead log is folded into the file. What SQLite does by default. */
const MAX_CHECKPOINT_PAGES = 1000
/** After so many commits, the write-ahead log is extended. Earlier, it would only make the start of a log slower. */
const COMMITS_BEFORE_EXTENSION = 16
const FRAME_HEADER_BYTES = 24

/** The only writer of a log, on its own thread. Every method is one transaction. */
export interface Writer {
  /**
   * Stores many batches in one commit, so that they share one fsync. A refused batch does not affect the others.
   * Calls that wait together are made as one: the results of all answer the last, and `undefined` the others.
   */
  commit(...groups: PackedBatches[]): PackedResults | undefined
  trim(rules: readonly RetentionRule[], now: number): { removed: number; done: boolean }
  /** @returns the offset up to which the topic was purged; undefined if it is not known */
  purge(topic: string): number | undefined
  /** @returns whether the key was not noted at that time */
  note(note: Note, time: number): boolean
  /** Proves that a commit reaches the disk. */
  probe(): void
  close(): void
}

/**
 * @param wasOpen - a writer of this process had the log open before
 * @throws LogError as `openSqliteLog` does
 */
export function openWriter(path: string, wasOpen: boolean): Writer {
  const held = lock(path)
  const file = fileOf(path)
  let db: DatabaseSync
  let epoch: EpochKeeper
  let reserve: Reserve
  try {
    reserve = openReserve(`${file}-reserve`, path)
    if (!wasOpen) removeStrayWal(file, readMark(`${file}-mark`))
    ;[db, epoch] = openWithRoom(path, wasOpen, reserve)
  } catch (error) {
    held.close()
    throw error
  }
  reserve.take()
  const inode = inodeOf(path)
  let { newest } = epoch
  const topics = createTopicTable(db)
  const trimmer = createTrimmer(db)
  // Folded into the file by the half of a reserve, so that with the other half retention can write on.
  const pageSize = Number(db.prepare('PRAGMA page_size').get()!['page_size'])
  const pages = Math.min(MAX_CHECKPOINT_PAGES, Math.max(1, Math.floor(reserve.bytes / 2 / pageSize)))
  db.exec(`PRAGMA wal_autocheckpoint = ${pages}`)
  let commits = 0

  const saveNewest = db.prepare(`UPDATE meta SET value = ? WHERE name = 'newest'`)
  const countCommit = db.prepare(`UPDATE meta SET value = value + 1 WHERE name = 'commits'`)
  const saveProbe = db.prepare(`UPDATE meta SET value = value + 1 WHERE name = 'probe'`)
  /** Those of the last step of retention. */
  let rules: readonly RetentionRule[] = []

  const events = createEventTable(db, topics, (topic) => ruleFor(rules, topic)?.maxBytes !== undefined)
  const notes = createNoteTable(db)
  const nextOffset = (): number => (newest += 1)

  /** Runs a task in a transaction. A transaction that changes something is counted. */
  function write<T>(task: () => { result: T; hasChanged: boolean }): T {
    const before = newest
    try {
      const { result, hasChanged } = transaction(db, 'BEGIN IMMEDIATE', () => {
        const outcome = task()
        if (outcome.hasChanged) countCommit.run()
        return outcome
      })
      if (hasChanged) mark()
      return result
    } catch (error) {
      newest = before
      topics.forget()
      if (isOutOfSpace(error)) giveWay()
      throw error
    }
  }

  /** Without its mark, what was committed may not be acknowledged, nor reported as not stored. */
  function mark(): void {
    try {
      epoch.committed(newest)
    } catch (error) {
      throw new EngineFailure(`The mark of the log ${path} cannot be written.`, { cause: error })
    }
  }

  /** What was committed is committed, whether or not this succeeds. */
  function extend(): void {
    try {
      if (!reserve.hasRoom(pages * pageSize)) return
      transaction(db, 'BEGIN IMMEDIATE', () => extendWal(file, pages * (pageSize + FRAME_HEADER_BYTES)))
    } catch {
      // It is only slower without it.
    }
  }

  /** Writes what publishers and readers want to store, which may not use the reserve. */
  function store<T>(task: () => { result: T; hasChanged: boolean }): T {
    assertInPlace(path, inode)
    reserve.assertHeld()
    return write(task)
  }

  /** Removes stored data, with the help of the reserve if necessary. If there is no room, `task` is tried again. */
  function free<T>(task: (isTight: boolean) => { result: T; hasChanged: boolean }): T {
    assertInPlace(path, inode)
    try {
      const result = writeWithReserve(task)
      // Until there is room to publish, freed space is returned to the disk at once.
      if (!reserve.take()) checkpoint()
      return result
    } finally {
      topics.forget()
    }
  }

  function writeWithReserve<T>(task: (isTight: boolean) => { result: T; hasChanged: boolean }): T {
    try {
      return write(() => task(reserve.isTight))
    } catch (error) {
      if (!isOutOfSpace(error)) throw error
      trimmer.undo()
      return write(() => task(true))
    }
  }

  function giveWay(): void {
    reserve.release()
    checkpoint()
  }

  /** Folds the write-ahead log into the file, as far as its readers and the disk allow. */
  function checkpoint(): void {
    try {
      db.exec('PRAGMA wal_checkpoint(PASSIVE)')
    } catch (error) {
      if (!isOutOfSpace(error)) throw error
    }
  }

  return {
    commit(...groups) {
      const stored = store(() => {
        const before = newest
        const results = groups.flatMap((group) => {
          const { batches, time } = unpackBatches(group)
          return batches.map((batch) => events.store(batch, time, nextOffset))
        })
        const hasChanged = newest > before
        if (hasChanged) {
          topics.save()
          saveNewest.run(newest)
        }
        return { result: packResults(results), hasChanged }
      })
      commits += 1
      if (commits === COMMITS_BEFORE_EXTENSION) extend()
      return stored
    },

    trim(newRules, now) {
      rules = newRules
      return free((isTight) => {
        const pace = { isUrgent: !reserve.isHeld, isTight }
        const { removed, done, hasChanged } = trimmer.step(newRules, now, pace)
        return { result: { removed, done }, hasChanged }
      })
    },

    purge: (topic) =>
      free(() => {
        const result = topics.purge(topic)
        return { result, hasChanged: result !== undefined }
      }),

    note: (note, time) => store(() => ({ result: notes.note(note, time), hasChanged: true })),

    probe: () =>
      store(() => {
        saveProbe.run()
        return { result: undefined, hasChanged: true }
      }),

    close() {
      epoch.close()
      db.close()
      // The space of the write-ahead log is free again: enough to open the log next time, whoever fills the disk.
      reserve.take()
      held.close()
    },
  }
}

/** Opens the log, on a disk without room with the help of the reserve. */
function openWithRoom(path: string, wasOpen: boolean, reserve: Reserve): [DatabaseSync, EpochKeeper] {
  try {
    return open(path, wasOpen)
  } catch (error) {
    if (!isOutOfSpace(error)) throw error
    reserve.releaseAll()
    return open(path, wasOpen)
  }
}

function open(path: string, wasOpen: boolean): [DatabaseSync, EpochKeeper] {
  const db = openForWriting(path)
  try {
    return [db, keepEpoch(db, fileOf(path), wasOpen)]
  } catch (error) {
    db.close()
    throw error
  }
}
