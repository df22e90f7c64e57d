import type { DatabaseSync } from 'node:sqlite'
import { IDEMPOTENCY_WINDOW_MS } from '../event-log.ts'
import { ruleFor } from '../retention.ts'
import type { RetentionRule } from '../retention.ts'
import { ANSWER_OVERHEAD } from './schema.ts'

const MAX_TOPICS_A_STEP = 200

interface Answer {
  readonly key: string
  readonly time: number
  readonly size: number
}

/** Walks the topics that have answers, in steps. */
export interface AnswerTrimmer {
  step(rules: readonly RetentionRule[], now: number, maxAnswers: number): { removed: number; done: boolean }
}

/** Forgets the answers that are older than their window, and the oldest of a topic whose rule has a size that they exceed. */
export function createAnswerTrimmer(db: DatabaseSync): AnswerTrimmer {
  const nextTopics = db.prepare('SELECT topic, bytes FROM answered WHERE topic >= ? ORDER BY topic LIMIT ?')
  const oldest = db.prepare(
    `SELECT key, time, octet_length(key) + ${ANSWER_OVERHEAD} AS size FROM answers WHERE topic = ? ORDER BY time LIMIT ?`,
  )
  const remove = db.prepare('DELETE FROM answers WHERE topic = ? AND key = ?')
  const removeTopic = db.prepare('DELETE FROM answered WHERE topic = ? AND bytes = 0')

  /** Where the round goes on. */
  let from = ''

  /** @returns how many were removed; `limit` when there may be more to remove */
  function trimTopic(topic: string, bytes: number, maxBytes: number, cutoff: number, limit: number): number {
    let left = bytes
    const doomed: string[] = []
    for (const { key, time, size } of oldest.iterate(topic, limit) as Iterable<unknown> as Iterable<Answer>) {
      if (time > cutoff && left <= maxBytes) break
      doomed.push(key)
      left -= size
    }
    for (const key of doomed) remove.run(topic, key)
    if (left === 0) removeTopic.run(topic)
    return doomed.length
  }

  return {
    step(rules, now, maxAnswers) {
      const cutoff = now - IDEMPOTENCY_WINDOW_MS
      let removed = 0
      const topics = nextTopics.all(from, MAX_TOPICS_A_STEP)
      for (const row of topics) {
        const topic = String(row['topic'])
        const { maxBytes = Number.POSITIVE_INFINITY } = ruleFor(rules, topic) ?? {}
        removed += trimTopic(topic, Number(row['bytes']), maxBytes, cutoff, maxAnswers - removed)
        if (removed >= maxAnswers) return { removed, done: false }
        // The name that sorts right behind it.
        from = `${topic}\0`
      }
      const done = topics.length < MAX_TOPICS_A_STEP
      if (done) from = ''
      return { removed, done }
    },
  }
}
