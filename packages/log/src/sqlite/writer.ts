import type { DatabaseSync } from 'node:sqlite'
import { refusalOf } from '../end-of-topic.ts'
import type { Refusal } from '../end-of-topic.ts'
import { IDEMPOTENCY_WINDOW_MS } from '../event-log.ts'
import type { Appended, NewEvent, Note } from '../event-log.ts'
import type { RetentionRule } from '../retention.ts'
import { assertInPlace, inodeOf, lock, openForWriting, transaction } from './database.ts'
import { createTopicTable } from './topic-table.ts'
import { createTrimmer } from './trim.ts'

/** What became of one batch of a commit: its events' places, or why it was refused. */
export type BatchResult = { appended: readonly Appended[] } | { refused: Refusal }

/** The one writer of a log, on a thread of its own. Every method is one transaction. */
export interface Writer {
  /** Stores many batches in one commit, so that they share one fsync. A refused batch leaves the others alone. */
  commit(batches: readonly (readonly NewEvent[])[], time: number): BatchResult[]
  trim(rules: readonly RetentionRule[], now: number): { removed: number; done: boolean }
  /** @returns the offset up to which the topic was purged, or nothing when it is not known */
  purge(topic: string): number | undefined
  /** @returns whether the key was not noted at the time */
  note(note: Note, time: number): boolean
  /** Proves that a commit reaches the disk. */
  probe(): void
  close(): void
}

export function openWriter(path: string): Writer {
  const held = lock(path)
  let db: DatabaseSync
  try {
    db = openForWriting(path)
  } catch (error) {
    held.close()
    throw error
  }
  const inode = inodeOf(path)
  let newest = Number(db.prepare(`SELECT value FROM meta WHERE name = 'newest'`).get()!['value'])
  const topics = createTopicTable(db)
  const trimmer = createTrimmer(db)

  const saveNewest = db.prepare(`UPDATE meta SET value = ? WHERE name = 'newest'`)
  const saveProbe = db.prepare(`UPDATE meta SET value = value + 1 WHERE name = 'probe'`)
  const findAnswer = db.prepare('SELECT offset FROM answers WHERE topic = ? AND key = ? AND time > ?')
  const saveAnswer = db.prepare(
    'INSERT OR REPLACE INTO answers (topic, key, offset, time) VALUES (?, ?, ?, ?)',
  )
  const findNote = db.prepare('SELECT 1 FROM notes WHERE key = ? AND until > ?')
  const saveNote = db.prepare(
    `INSERT INTO notes (key, until) VALUES (?, ?)
     ON CONFLICT (key) DO UPDATE SET until = excluded.until WHERE until < excluded.until`,
  )
  const supersede = db.prepare(
    'UPDATE events SET is_newest = 0 WHERE topic = ? AND key = ? AND is_newest = 1 RETURNING bytes',
  )
  const insert = db.prepare(
    `INSERT INTO events (offset, topic, time, type, key, data, bytes, is_end, is_newest, traceparent, tracestate)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )

  function answerTo(event: NewEvent, time: number): number | undefined {
    if (event.idempotencyKey === undefined) return undefined
    const row = findAnswer.get(event.topic, event.idempotencyKey, time - IDEMPOTENCY_WINDOW_MS)
    return row === undefined ? undefined : Number(row['offset'])
  }

  function store(event: NewEvent, time: number): Appended {
    const answered = answerTo(event, time)
    if (answered !== undefined) return { offset: answered, duplicate: true }
    const offset = newest + 1
    const topic = topics.forPublish(event.topic, offset)
    const { type = null, key = null, data, end = false, trace } = event
    const bytes = Buffer.byteLength(data)
    if (key === null) {
      topic.count += 1
      topic.bytes += bytes
    } else {
      const superseded = supersede.get(topic.id, key)
      if (superseded !== undefined) {
        topic.count += 1
        topic.bytes += Number(superseded['bytes'])
      }
    }
    const { traceparent = null, tracestate = null } = trace ?? {}
    const flags = [end ? 1 : 0, key === null ? 0 : 1]
    insert.run(offset, topic.id, time, type, key, data, bytes, ...flags, traceparent, tracestate)
    if (event.idempotencyKey !== undefined) saveAnswer.run(event.topic, event.idempotencyKey, offset, time)
    topic.newest = offset
    if (end) topic.ended = offset
    newest = offset
    return { offset, duplicate: false }
  }

  return {
    commit(batches, time) {
      assertInPlace(path, inode)
      const before = newest
      try {
        return transaction(db, 'BEGIN IMMEDIATE', () => {
          const results = batches.map((batch): BatchResult => {
            const refused = refusalOf(
              batch,
              (topic) => topics.isEnded(topic),
              (event) => answerTo(event, time) !== undefined,
            )
            return refused === undefined
              ? { appended: batch.map((event) => store(event, time)) }
              : { refused }
          })
          if (newest > before) {
            topics.save()
            saveNewest.run(newest)
          }
          return results
        })
      } catch (error) {
        newest = before
        topics.forget()
        throw error
      }
    },

    trim(rules, now) {
      assertInPlace(path, inode)
      try {
        return transaction(db, 'BEGIN IMMEDIATE', () => trimmer.step(rules, now))
      } finally {
        topics.forget()
      }
    },

    purge(topic) {
      assertInPlace(path, inode)
      try {
        return transaction(db, 'BEGIN IMMEDIATE', () => topics.purge(topic))
      } finally {
        topics.forget()
      }
    },

    note({ key, until }, time) {
      assertInPlace(path, inode)
      return transaction(db, 'BEGIN IMMEDIATE', () => {
        const isNew = findNote.get(key, time) === undefined
        saveNote.run(key, until)
        return isNew
      })
    },

    probe() {
      assertInPlace(path, inode)
      transaction(db, 'BEGIN IMMEDIATE', () => saveProbe.run())
    },

    close() {
      db.close()
      held.close()
    },
  }
}
