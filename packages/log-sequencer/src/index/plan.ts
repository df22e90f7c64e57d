import type { DatabaseSync } from 'node:sqlite'
import { IDEMPOTENCY_WINDOW_MS, type RetentionRule } from '@tailrace/log'
import { expire, ruleFor, type Candidate } from '@tailrace/log/adapter'
import { PURGED_PREFIX, STATE_OVERHEAD } from '@tailrace/log/sqlite'
import type { Removal } from '../record/record.ts'

const MAX_TOPICS_A_STEP = 200
const MAX_EVENTS_A_STEP = 500

/** How many topics without events keep their row, so that the loss of each is known. */
const MAX_FORGOTTEN_TOPICS = 10_000

const NOTHING: RetentionRule = { selector: '**' }
const EVERYTHING: RetentionRule = { selector: '**', maxAgeMs: Number.NEGATIVE_INFINITY }

interface Row {
  readonly id: number
  readonly name: string
  readonly count: number
  readonly bytes: number
  readonly state_bytes: number
  readonly newest: number
  readonly trimmed: number
}

export interface Plan {
  /** Undefined if this step found nothing to remove. */
  readonly removal: Removal | undefined
  /** The round has examined everything. */
  readonly done: boolean
}

/** Decides what retention removes: walks the topics in steps. Each node has its own round, and changes nothing. */
export interface Planner {
  step(rules: readonly RetentionRule[], now: number): Plan
}

export function createPlanner(db: DatabaseSync): Planner {
  const nextTopics = db.prepare(
    'SELECT id, name, count, bytes, state_bytes, newest, trimmed FROM topics WHERE id >= ? ORDER BY id LIMIT ?',
  )
  const oldest = db.prepare(
    `SELECT offset, time, is_newest = 1 AS isNewest, iif(is_newest = 1, bytes + octet_length(key) + ${STATE_OVERHEAD}, bytes) AS bytes
     FROM events WHERE topic = ? AND offset > ? ORDER BY offset LIMIT ?`,
  )
  const hasEvents = db.prepare('SELECT 1 FROM events WHERE topic = ? LIMIT 1')
  const hasExpired = db.prepare(
    'SELECT 1 WHERE EXISTS (SELECT 1 FROM answers WHERE time <= ?) OR EXISTS (SELECT 1 FROM notes WHERE until <= ?)',
  )

  // The progress of the round: the topic, and the event up to which it was examined.
  let topicId = 0
  let after = 0
  // Topics without events that the round has found, and how many too many the last round found.
  let empty = 0
  let surplus = 0

  function* candidates(id: number, limit: number): Generator<Candidate, void> {
    for (const row of oldest.iterate(id, after, limit)) {
      const { offset, time, bytes, isNewest } = row as Record<string, number>
      after = offset!
      yield { offset: offset!, time: time!, bytes: bytes!, isNewest: isNewest === 1 }
    }
  }

  return {
    step(rules, now) {
      const offsets: number[] = []
      const forgotten: string[] = []
      const topics = nextTopics.all(topicId, MAX_TOPICS_A_STEP) as unknown as Row[]
      for (const { id, name, count, bytes, state_bytes: stateBytes, newest, trimmed } of topics) {
        if (id !== topicId) after = 0
        topicId = id
        const rule = name.startsWith(PURGED_PREFIX) ? EVERYTHING : (ruleFor(rules, name) ?? NOTHING)
        const limit = MAX_EVENTS_A_STEP - offsets.length
        let examined = 0
        const found = expire(
          rule,
          now,
          { count, bytes, stateBytes },
          (function* () {
            for (const one of candidates(id, limit)) {
              examined += 1
              yield one
            }
          })(),
        )
        offsets.push(...found.offsets)
        if (!found.settled && examined === limit) return planned(offsets, forgotten, 0, false)
        if (trimmed >= newest && hasEvents.get(id) === undefined) {
          if (surplus > 0) {
            surplus -= 1
            forgotten.push(name)
          } else {
            empty += 1
          }
        }
        topicId = id + 1
        after = 0
        if (offsets.length >= MAX_EVENTS_A_STEP) return planned(offsets, forgotten, 0, false)
      }
      if (topics.length === MAX_TOPICS_A_STEP) return planned(offsets, forgotten, 0, false)
      topicId = 0
      after = 0
      surplus = Math.max(0, empty - MAX_FORGOTTEN_TOPICS)
      empty = 0
      const isOver = hasExpired.get(now - IDEMPOTENCY_WINDOW_MS, now) !== undefined
      return planned(offsets, forgotten, isOver ? now : 0, true)
    },
  }
}

function planned(offsets: number[], forgotten: string[], now: number, done: boolean): Plan {
  const isEmpty = offsets.length === 0 && forgotten.length === 0 && now === 0
  const ascending = offsets.toSorted((a, b) => a - b)
  return { removal: isEmpty ? undefined : { offsets: ascending, forgotten, answers: [], now }, done }
}
