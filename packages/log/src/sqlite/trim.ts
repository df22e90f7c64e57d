import type { DatabaseSync } from 'node:sqlite'
import { expire, ruleFor } from '../retention.ts'
import type { Candidate, RetentionRule } from '../retention.ts'
import { STATE_OVERHEAD } from './schema.ts'
import { createLossCounter, PURGED_PREFIX } from './topic-table.ts'
import { createIdempotencyTrimmer } from './trim-idempotency.ts'

// A step is one transaction, for which publishers wait. These limits keep it at a few milliseconds.
const MAX_TOPICS_A_STEP = 200
const MAX_EVENTS_A_STEP = 500
const MAX_PAGES_A_STEP = 256
const MAX_EVENTS_A_TIGHT_STEP = 20
const MAX_PAGES_A_TIGHT_STEP = 16

/**
 * How many topics without events keep their row, so that the loss of each is known. Beyond that, the first ones
 * found are removed, and the floor stands for them.
 */
const MAX_FORGOTTEN_TOPICS = 10_000

const NOTHING: RetentionRule = { selector: '**' }
const EVERYTHING: RetentionRule = { selector: '**', maxAgeMs: Number.NEGATIVE_INFINITY }

interface Row {
  readonly id: number
  readonly name: string
  readonly count: number
  readonly bytes: number
  readonly state_bytes: number
  readonly keys: number
  readonly newest: number
  readonly trimmed: number
  readonly ended: number | null
}

interface Trimmed {
  readonly removed: number
  readonly done: boolean
}

export interface Pace {
  /** Retention must make room: a round continues until everything freed has been returned to the disk. */
  readonly isUrgent: boolean
  /** The write-ahead log only has room for small steps. */
  readonly isTight: boolean
}

export interface Trimmer {
  /** @returns additionally whether anything in the file was changed */
  step(rules: readonly RetentionRule[], now: number, pace: Pace): Trimmed & { hasChanged: boolean }
  /** Returns to the state before the last step, whose transaction was rolled back. */
  undo(): void
}

/** Walks the topics in steps. At the end of each round, removes what expires with time alone. */
export function createTrimmer(db: DatabaseSync): Trimmer {
  const nextTopics = db.prepare(
    'SELECT id, name, count, bytes, state_bytes, keys, newest, trimmed, ended FROM topics WHERE id >= ? ORDER BY id LIMIT ?',
  )
  const oldest = db.prepare(
    `SELECT offset, time, is_newest = 1 AS isNewest, iif(is_newest = 1, bytes + octet_length(key) + ${STATE_OVERHEAD}, bytes) AS bytes
     FROM events WHERE topic = ? AND offset > ? ORDER BY offset LIMIT ?`,
  )
  const remove = db.prepare('DELETE FROM events WHERE offset = ?')
  const hasEvents = db.prepare('SELECT 1 FROM events WHERE topic = ? LIMIT 1')
  const saveTopic = db.prepare(
    'UPDATE topics SET count = ?, bytes = ?, state_bytes = ?, keys = ?, trimmed = ?, lost_at = ? WHERE id = ?',
  )
  const countLoss = createLossCounter(db)
  const removeTopic = db.prepare('DELETE FROM topics WHERE id = ?')
  const forgetTopic = db.prepare('UPDATE topics SET ended = NULL WHERE id = ?')
  const raiseFloor = db.prepare(`UPDATE meta SET value = max(value, ?) WHERE name = 'floor'`)
  const markFloor = db.prepare(
    `UPDATE meta SET value = (SELECT value FROM meta WHERE name = 'losses') WHERE name = 'floor_at'`,
  )
  const idempotency = createIdempotencyTrimmer(db)
  const removeNotes = db.prepare(
    'DELETE FROM notes WHERE key IN (SELECT key FROM notes WHERE until <= ? ORDER BY until LIMIT ?)',
  )
  const unused = db.prepare('PRAGMA freelist_count')
  const shrink = db.prepare(`PRAGMA incremental_vacuum(${MAX_PAGES_A_STEP})`)
  const shrinkTightly = db.prepare(`PRAGMA incremental_vacuum(${MAX_PAGES_A_TIGHT_STEP})`)

  // The progress of the round: the topic, and the event up to which it was examined.
  let topicId = 0
  let after = 0
  let areTopicsDone = false
  // Rows without events that the round has found, and how many too many the last round found.
  let forgotten = 0
  let surplus = 0
  let before = { topicId, after, areTopicsDone, forgotten, surplus }

  // Whether the topic has no events after `after`.
  let isAtEnd = false

  function* candidates(topic: Row, limit: number): Iterable<Candidate> {
    let count = 0
    isAtEnd = false
    for (const row of oldest.iterate(topic.id, after, limit)) {
      count += 1
      const { offset, time, bytes, isNewest } = row as Record<string, number>
      after = offset!
      yield { offset: offset!, time: time!, bytes: bytes!, isNewest: isNewest === 1 }
    }
    isAtEnd = count < limit
  }

  /** Removes the events that the rule gives up, and the topic itself if nothing is left of it. */
  function trimTopic(topic: Row, rule: RetentionRule, now: number, limit: number): Trimmed {
    const holdings = { count: topic.count, bytes: topic.bytes, stateBytes: topic.state_bytes }
    const { offsets, settled } = expire(rule, now, holdings, candidates(topic, limit))
    for (const offset of offsets) remove.run(offset)
    const trimmed = Math.max(topic.trimmed, offsets.at(-1) ?? 0)
    if (offsets.length > 0) {
      const { count, bytes, stateBytes } = holdings
      // Whatever was removed beside history was the newest event of its key.
      const keys = topic.keys - (offsets.length - (topic.count - count))
      saveTopic.run(count, bytes, stateBytes, keys, trimmed, countLoss(), topic.id)
    }
    const done = settled || isAtEnd
    if (done && trimmed >= topic.newest && hasEvents.get(topic.id) === undefined) forget(topic, trimmed)
    return { removed: offsets.length, done }
  }

  function forget(topic: Row, trimmed: number): void {
    if (topic.name.startsWith(PURGED_PREFIX)) {
      removeTopic.run(topic.id)
    } else if (surplus > 0) {
      surplus -= 1
      raiseFloor.run(trimmed)
      markFloor.run()
      removeTopic.run(topic.id)
    } else {
      forgotten += 1
      if (topic.ended !== null) forgetTopic.run(topic.id)
    }
  }

  /** Examines topics until it has removed enough for one step. `done` when the round has examined all of them. */
  function trimTopics(rules: readonly RetentionRule[], now: number, maxEvents: number): Trimmed {
    let removed = 0
    const topics = nextTopics.all(topicId, MAX_TOPICS_A_STEP) as unknown as Row[]
    for (const topic of topics) {
      if (topic.id !== topicId) after = 0
      topicId = topic.id
      const rule = topic.name.startsWith(PURGED_PREFIX) ? EVERYTHING : (ruleFor(rules, topic.name) ?? NOTHING)
      const trimmed = trimTopic(topic, rule, now, maxEvents)
      removed += trimmed.removed
      if (!trimmed.done) return { removed, done: false }
      topicId = topic.id + 1
      after = 0
      if (removed >= maxEvents) return { removed, done: false }
    }
    const done = topics.length < MAX_TOPICS_A_STEP
    if (done) {
      topicId = 0
      surplus = Math.max(0, forgotten - MAX_FORGOTTEN_TOPICS)
      forgotten = 0
    }
    return { removed, done }
  }

  return {
    step(rules, now, { isUrgent, isTight }) {
      before = { topicId, after, areTopicsDone, forgotten, surplus }
      const maxEvents = isTight ? MAX_EVENTS_A_TIGHT_STEP : MAX_EVENTS_A_STEP
      const topics = areTopicsDone ? { removed: 0, done: true } : trimTopics(rules, now, maxEvents)
      areTopicsDone = topics.done
      const { removed } = topics
      if (!topics.done) return { removed, done: false, hasChanged: removed > 0 }
      const records = idempotency.step(rules, now, maxEvents)
      const notes = Number(removeNotes.run(now, maxEvents).changes)
      const hasUnused = Number(unused.get()!['freelist_count']) > 0
      if (hasUnused) (isTight ? shrinkTightly : shrink).all()
      const done = records.done && notes < maxEvents && !(isUrgent && hasUnused)
      areTopicsDone = !done
      return { removed, done, hasChanged: removed + records.removed + notes > 0 || hasUnused }
    },

    undo() {
      ;({ topicId, after, areTopicsDone, forgotten, surplus } = before)
    },
  }
}
