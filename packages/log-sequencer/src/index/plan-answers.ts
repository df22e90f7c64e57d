import type { DatabaseSync } from 'node:sqlite'
import type { RetentionRule } from '@tailrace/log'
import { ruleFor } from '@tailrace/log/adapter'
import { RECORD_OVERHEAD } from '@tailrace/log/sqlite'

const MAX_TOPICS_A_STEP = 200

export type Answer = readonly [topic: string, key: string]

/** Decides which idempotency records are given up before their window is over: a topic's oldest beyond its bytes. */
export interface AnswerPlanner {
  step(rules: readonly RetentionRule[], maxAnswers: number): { answers: Answer[]; done: boolean }
}

export function createAnswerPlanner(db: DatabaseSync): AnswerPlanner {
  const nextTopics = db.prepare('SELECT topic, bytes FROM answered WHERE topic > ? ORDER BY topic LIMIT ?')
  const oldest = db.prepare(
    `SELECT key, octet_length(key) + ${RECORD_OVERHEAD} AS size FROM answers INDEXED BY bounded_answers
     WHERE topic = ? AND is_bounded = 1 ORDER BY time LIMIT ?`,
  )
  /** The topic after which the round continues. */
  let after = ''

  function* surplusOf(topic: string, surplus: number, limit: number): Generator<Answer, void> {
    let left = surplus
    for (const { key, size } of oldest.iterate(topic, limit)) {
      if (left <= 0) return
      yield [topic, String(key)]
      left -= Number(size)
    }
  }

  return {
    step(rules, maxAnswers) {
      const answers: Answer[] = []
      const topics = nextTopics.all(after, MAX_TOPICS_A_STEP)
      for (const row of topics) {
        const topic = String(row['topic'])
        const { maxBytes = Number.POSITIVE_INFINITY } = ruleFor(rules, topic) ?? {}
        const surplus = Number(row['bytes']) - maxBytes
        if (surplus > 0) answers.push(...surplusOf(topic, surplus, maxAnswers - answers.length))
        if (answers.length >= maxAnswers) return { answers, done: false }
        after = topic
      }
      const done = topics.length < MAX_TOPICS_A_STEP
      if (done) after = ''
      return { answers, done }
    },
  }
}
