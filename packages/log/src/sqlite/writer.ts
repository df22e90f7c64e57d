import type { DatabaseSync } from 'node:sqlite'
import { refusalOf } from '../end-of-topic.ts'
import type { Refusal } from '../end-of-topic.ts'
import { IDEMPOTENCY_WINDOW_MS } from '../event-log.ts'
import type { Appended, NewEvent, Note } from '../event-log.ts'
import { ruleFor } from '../retention.ts'
import type { RetentionRule } from '../retention.ts'
import { assertInPlace, fileOf, isOutOfSpace, lock, openForWriting, transaction } from './database.ts'
import { keepEpoch } from './epoch.ts'
import type { EpochKeeper } from './epoch.ts'
import { inodeOf } from './inode.ts'
import { readMark } from './mark.ts'
import { openReserve } from './reserve.ts'
import type { Reserve } from './reserve.ts'
import { RECORD_OVERHEAD, STATE_OVERHEAD } from './schema.ts'
import { createTopicTable } from './topic-table.ts'
import { createTrimmer } from './trim.ts'
import { removeStrayWal } from './wal.ts'

/** When the write-ahead log is folded into the file. What SQLite does by default. */
const MAX_CHECKPOINT_PAGES = 1000

/** The result of one batch of a commit: the offsets of its events, or why it was refused. */
export type BatchResult = { appended: readonly Appended[] } | { refused: Refusal }

/** The only writer of a log, on its own thread. Every method is one transaction. */
export interface Writer {
  /** Stores many batches in one commit, so that they share one fsync. A refused batch does not affect the others. */
  commit(batches: readonly (readonly NewEvent[])[], time: number): BatchResult[]
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
  db.exec(`PRAGMA wal_autocheckpoint = ${checkpointPages(db, reserve)}`)

  const saveNewest = db.prepare(`UPDATE meta SET value = ? WHERE name = 'newest'`)
  const countCommit = db.prepare(`UPDATE meta SET value = value + 1 WHERE name = 'commits'`)
  const saveProbe = db.prepare(`UPDATE meta SET value = value + 1 WHERE name = 'probe'`)
  const findRecord = db.prepare('SELECT offset FROM answers WHERE topic = ? AND key = ? AND time > ?')
  const saveRecord = db.prepare(
    `INSERT INTO answers (topic, key, offset, time, is_bounded) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (topic, key) DO UPDATE SET offset = excluded.offset, time = excluded.time`,
  )
  const findNote = db.prepare('SELECT 1 FROM notes WHERE key = ? AND until > ?')
  const saveNote = db.prepare(
    `INSERT INTO notes (key, until) VALUES (?, ?)
     ON CONFLICT (key) DO UPDATE SET until = excluded.until WHERE until < excluded.until`,
  )
  const removeRecord = db.prepare('DELETE FROM answers WHERE topic = ? AND key = ?')
  const countRecord = db.prepare(
    'INSERT INTO answered VALUES (?, ?) ON CONFLICT (topic) DO UPDATE SET bytes = bytes + excluded.bytes',
  )
  const supersede = db.prepare(
    `UPDATE events SET is_newest = 0 WHERE topic = ? AND key = ? AND is_newest = 1
     RETURNING bytes, bytes + octet_length(key) + ${STATE_OVERHEAD} AS stateBytes`,
  )
  const insert = db.prepare(
    `INSERT INTO events (offset, topic, time, type, key, data, bytes, is_end, is_newest, is_removal, traceparent, tracestate)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )

  /** Those of the last step of retention. */
  let rules: readonly RetentionRule[] = []

  function isBounded(topic: string): boolean {
    return ruleFor(rules, topic)?.maxBytes !== undefined
  }

  function remember(topic: string, key: string, offset: number, time: number): void {
    if (isBounded(topic)) {
      // One that has expired, and was not removed yet, would be counted twice.
      removeRecord.run(topic, key)
      countRecord.run(topic, Buffer.byteLength(key) + RECORD_OVERHEAD)
      saveRecord.run(topic, key, offset, time, 1)
    } else {
      saveRecord.run(topic, key, offset, time, 0)
    }
  }

  function firstOffsetOf(event: NewEvent, time: number): number | undefined {
    if (event.idempotencyKey === undefined) return undefined
    const row = findRecord.get(event.topic, event.idempotencyKey, time - IDEMPOTENCY_WINDOW_MS)
    return row === undefined ? undefined : Number(row['offset'])
  }

  function append(event: NewEvent, time: number): Appended {
    const first = firstOffsetOf(event, time)
    if (first !== undefined) return { offset: first, duplicate: true }
    const offset = newest + 1
    const topic = topics.forPublish(event.topic, offset)
    const { type = null, key = null, data, end = false, remove = false, trace } = event
    const bytes = Buffer.byteLength(data)
    const superseded = key === null ? undefined : supersede.get(topic.id, key)
    if (superseded !== undefined) {
      topic.count += 1
      topic.bytes += Number(superseded['bytes'])
      topic.keys -= 1
      topic.state_bytes -= Number(superseded['stateBytes'])
    }
    const isNewest = key !== null && !remove
    if (isNewest) {
      topic.keys += 1
      topic.state_bytes += bytes + Buffer.byteLength(key) + STATE_OVERHEAD
    } else {
      topic.count += 1
      topic.bytes += bytes
    }
    const { traceparent = null, tracestate = null } = trace ?? {}
    const flags = [end, isNewest, remove].map(Number)
    insert.run(offset, topic.id, time, type, key, data, bytes, ...flags, traceparent, tracestate)
    if (event.idempotencyKey !== undefined) remember(event.topic, event.idempotencyKey, offset, time)
    topic.newest = offset
    if (end) topic.ended = offset
    newest = offset
    return { offset, duplicate: false }
  }

  /** Runs a task in a transaction. A transaction that changes something is counted. */
  function write<T>(task: () => { result: T; hasChanged: boolean }): T {
    const before = newest
    try {
      const { result, hasChanged } = transaction(db, 'BEGIN IMMEDIATE', () => {
        const outcome = task()
        if (outcome.hasChanged) countCommit.run()
        return outcome
      })
      if (hasChanged) epoch.committed(newest)
      return result
    } catch (error) {
      newest = before
      topics.forget()
      if (isOutOfSpace(error)) giveWay()
      throw error
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
    commit: (batches, time) =>
      store(() => {
        const before = newest
        const result = batches.map((batch): BatchResult => {
          const refused = refusalOf(
            batch,
            (topic) => topics.isEnded(topic),
            (event) => firstOffsetOf(event, time) !== undefined,
          )
          return refused === undefined ? { appended: batch.map((event) => append(event, time)) } : { refused }
        })
        const hasChanged = newest > before
        if (hasChanged) {
          topics.save()
          saveNewest.run(newest)
        }
        return { result, hasChanged }
      }),

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

    note: ({ key, until }, time) =>
      store(() => {
        const result = findNote.get(key, time) === undefined
        saveNote.run(key, until)
        return { result, hasChanged: true }
      }),

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

function checkpointPages(db: DatabaseSync, { bytes }: Reserve): number {
  const pageSize = Number(db.prepare('PRAGMA page_size').get()!['page_size'])
  return Math.min(MAX_CHECKPOINT_PAGES, Math.max(1, Math.floor(bytes / 2 / pageSize)))
}
