import type { DatabaseSync } from 'node:sqlite'
import { IDEMPOTENCY_WINDOW_MS, type RetentionRule } from '@tailrace/log'
import { expire, ruleFor, type Candidate } from '@tailrace/log/adapter'
import { PURGED_PREFIX, STATE_OVERHEAD } from '@tailrace/log/sqlite'
import type { Removal } from '../record/record.ts'
import { createAnswerPlanner } from './plan-answers.ts'

const MAX_TOPICS_A_STEP = 200
const MAX_EVENTS_A_STEP = 500
const MAX_ANSWERS_A_STEP = 100

/** How many topics without events keep their row, so that the loss of each is known. */
const MAX_EMPTY_TOPICS = 10_000

const NOTHING: RetentionRule = { selector: '**' }
const EVERYTHING: RetentionRule = { selector: '**', maxAgeMs: Number.NEGATIVE_INFINITY }

interface Topic {
  readonly id: number
  readonly name: string
  readonly count: number
  readonly bytes: number
  readonly stateBytes: number
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
    `SELECT id, name, count, bytes, state_bytes AS stateBytes, newest, trimmed FROM topics
     WHERE id >= ? ORDER BY id LIMIT ${MAX_TOPICS_A_STEP}`,
  )
  const oldest = db.prepare(
    `SELECT offset, time, is_newest = 1 AS isNewest, iif(is_newest = 1, bytes + octet_length(key) + ${STATE_OVERHEAD}, bytes) AS bytes
     FROM events WHERE topic = ? AND offset > ? ORDER BY offset LIMIT ?`,
  )
  const hasEvents = db.prepare('SELECT 1 FROM events WHERE topic = ? LIMIT 1')
  const hasExpired = db.prepare(
    'SELECT 1 WHERE EXISTS (SELECT 1 FROM answers WHERE time <= ?) OR EXISTS (SELECT 1 FROM notes WHERE until <= ?)',
  )
  const answerPlanner = createAnswerPlanner(db)

  // The progress of the round: the topic, and the event up to which it was examined.
  let topicId = 0
  let after = 0
  let areTopicsDone = false
  // Topics without events that the round has found, and how many too many the last round found.
  let empty = 0
  let surplus = 0

  function* candidates(id: number, limit: number): Generator<Candidate, void> {
    let count = 0
    for (const row of oldest.iterate(id, after, limit)) {
      const { offset, time, bytes, isNewest } = row as Record<string, number>
      after = offset!
      count += 1
      yield { offset: offset!, time: time!, bytes: bytes!, isNewest: isNewest === 1 }
    }
    if (count < limit) after = Number.MAX_SAFE_INTEGER
  }

  /** @returns the events that the rule gives up, and whether the topic is done */
  function examine(
    topic: Topic,
    rules: readonly RetentionRule[],
    now: number,
    limit: number,
  ): [number[], boolean] {
    const { id, name, count, bytes, stateBytes } = topic
    const rule = name.startsWith(PURGED_PREFIX) ? EVERYTHING : (ruleFor(rules, name) ?? NOTHING)
    const { offsets, settled } = expire(rule, now, { count, bytes, stateBytes }, candidates(id, limit))
    return [offsets, settled || after === Number.MAX_SAFE_INTEGER]
  }

  function isSuperfluous({ id, newest, trimmed }: Topic): boolean {
    if (trimmed < newest || hasEvents.get(id) !== undefined) return false
    if (surplus === 0) {
      empty += 1
      return false
    }
    surplus -= 1
    return true
  }

  function examineTopics(
    rules: readonly RetentionRule[],
    now: number,
  ): { offsets: number[]; forgotten: string[] } {
    const offsets: number[] = []
    const forgotten: string[] = []
    const topics = nextTopics.all(topicId) as unknown as Topic[]
    for (const topic of topics) {
      if (topic.id !== topicId) after = 0
      topicId = topic.id
      const [found, isDone] = examine(topic, rules, now, MAX_EVENTS_A_STEP - offsets.length)
      offsets.push(...found)
      if (!isDone) return { offsets, forgotten }
      if (isSuperfluous(topic)) forgotten.push(topic.name)
      topicId = topic.id + 1
      after = 0
      if (offsets.length >= MAX_EVENTS_A_STEP) return { offsets, forgotten }
    }
    areTopicsDone = topics.length < MAX_TOPICS_A_STEP
    return { offsets, forgotten }
  }

  function endRound(): void {
    topicId = 0
    after = 0
    areTopicsDone = false
    surplus = Math.max(0, empty - MAX_EMPTY_TOPICS)
    empty = 0
  }

  return {
    step(rules, now) {
      const { offsets, forgotten } = areTopicsDone
        ? { offsets: [], forgotten: [] }
        : examineTopics(rules, now)
      const { answers, done } = areTopicsDone
        ? answerPlanner.step(rules, MAX_ANSWERS_A_STEP)
        : { answers: [], done: false }
      const isOver = done && hasExpired.get(now - IDEMPOTENCY_WINDOW_MS, now) !== undefined
      if (done) endRound()
      const isEmpty = offsets.length + forgotten.length + answers.length === 0 && !isOver
      const ascending = offsets.toSorted((a, b) => a - b)
      const removal = isEmpty ? undefined : { offsets: ascending, forgotten, answers, now: isOver ? now : 0 }
      return { removal, done }
    },
  }
}
