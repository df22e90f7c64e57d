import type { DatabaseSync } from 'node:sqlite'
import { IDEMPOTENCY_WINDOW_MS } from '../event-log.ts'
import { ruleFor } from '../retention.ts'
import type { RetentionRule } from '../retention.ts'
import { RECORD_OVERHEAD } from './schema.ts'

const MAX_TOPICS_A_STEP = 200

interface IdempotencyRecord {
  readonly key: string
  readonly size: number
}

export interface IdempotencyTrimmer {
  step(rules: readonly RetentionRule[], now: number, maxRecords: number): { removed: number; done: boolean }
}

/** Removes idempotency records in steps: those older than their window, and a topic's oldest beyond its bytes. */
export function createIdempotencyTrimmer(db: DatabaseSync): IdempotencyTrimmer {
  const removeExpired = db.prepare(
    'DELETE FROM answers WHERE (topic, key) IN (SELECT topic, key FROM answers WHERE time <= ? ORDER BY time LIMIT ?)',
  )
  const nextTopics = db.prepare('SELECT topic, bytes FROM answered WHERE topic > ? ORDER BY topic LIMIT ?')
  const oldest = db.prepare(
    `SELECT key, octet_length(key) + ${RECORD_OVERHEAD} AS size FROM answers INDEXED BY bounded_answers
     WHERE topic = ? AND is_bounded = 1 ORDER BY time LIMIT ?`,
  )
  const remove = db.prepare('DELETE FROM answers WHERE topic = ? AND key = ?')

  /** The topic after which the round continues. */
  let after = ''

  /** Removes the oldest records of a topic. @returns how many; `limit` if there may be more to remove */
  function removeOldest(topic: string, surplus: number, limit: number): number {
    let left = surplus
    const doomed: string[] = []
    for (const { key, size } of oldest.iterate(
      topic,
      limit,
    ) as Iterable<unknown> as Iterable<IdempotencyRecord>) {
      if (left <= 0) break
      doomed.push(key)
      left -= size
    }
    for (const key of doomed) remove.run(topic, key)
    return doomed.length
  }

  return {
    step(rules, now, maxRecords) {
      let removed = Number(removeExpired.run(now - IDEMPOTENCY_WINDOW_MS, maxRecords).changes)
      const topics = nextTopics.all(after, MAX_TOPICS_A_STEP)
      for (const row of topics) {
        const topic = String(row['topic'])
        const { maxBytes = Number.POSITIVE_INFINITY } = ruleFor(rules, topic) ?? {}
        removed += removeOldest(topic, Number(row['bytes']) - maxBytes, maxRecords - removed)
        if (removed >= maxRecords) return { removed, done: false }
        after = topic
      }
      const done = topics.length < MAX_TOPICS_A_STEP && removed < maxRecords
      if (topics.length < MAX_TOPICS_A_STEP) after = ''
      return { removed, done }
    },
  }
}
