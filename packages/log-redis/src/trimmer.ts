import { randomUUID } from 'node:crypto'
import { IDEMPOTENCY_WINDOW_MS } from '@tailrace/log'
import type { RetentionRule } from '@tailrace/log'
import { ruleFor } from '@tailrace/log/adapter'

import type { Connection } from './connection.ts'
import { FORGET, LEASE, SWEEP, TRIM } from './scripts/trim.ts'
import type { RedisSession } from './session.ts'

/** How long a node keeps retention to itself after each step. */
const LEASE_MS = 5_000
const MAX_TOPICS_A_STEP = 100

interface Step {
  readonly removed: number
  readonly done: boolean
}

/** Applies retention in steps, one node at a time. */
export class Trimmer {
  readonly #base: string
  readonly #node: string = randomUUID()
  #phase: 'topics' | 'keys' | 'rest' = 'topics'
  /** Where the round is: the last topic that is done, and a later one of which some events were examined. */
  #topic = ''
  #begun = { topic: '', after: 0 }
  #rank = 0
  #hasLease = false

  constructor(base: string) {
    this.#base = base
  }

  async step(session: RedisSession, rules: readonly RetentionRule[], now: number): Promise<Step> {
    if (!(await this.#lease(session))) return { removed: 0, done: true }
    const step = await this.#next(session, rules, now)
    if (step.done) await this.release(session.commands)
    return step
  }

  async release(commands: Connection): Promise<void> {
    if (!this.#hasLease) return
    this.#hasLease = false
    await commands.call(['DEL', `${this.#base}lease`])
  }

  async #lease(session: RedisSession): Promise<boolean> {
    const [, has] = await session.run(LEASE, [this.#node, LEASE_MS])
    this.#hasLease = has === 1
    return this.#hasLease
  }

  async #next(session: RedisSession, rules: readonly RetentionRule[], now: number): Promise<Step> {
    switch (this.#phase) {
      case 'topics':
        return this.#trimTopics(session, rules, now)
      case 'keys':
        return this.#forgetKeys(session, rules, now)
      default:
        return this.#sweep(session, now)
    }
  }

  async #trimTopics(session: RedisSession, rules: readonly RetentionRule[], now: number): Promise<Step> {
    const from = this.#topic === '' ? '-' : `(${this.#topic}`
    const range = ['ZRANGEBYLEX', `${this.#base}topics`, from, '+', 'LIMIT', '0', `${MAX_TOPICS_A_STEP}`]
    const topics = (await session.commands.call(range)) as readonly string[]
    const bounded = topics.flatMap((topic) => {
      const { maxAgeMs, maxCount, maxBytes } = ruleFor(rules, topic) ?? {}
      const bounds = [maxAgeMs, maxCount, maxBytes].map((bound) => `${bound ?? ''}`)
      return bounds.every((bound) => bound === '') ? [] : [[topic, ...bounds]]
    })
    const [first = []] = bounded
    const after = first[0] === this.#begun.topic ? this.#begun.after : 0
    const answer = await session.run(TRIM, [now, after, ...bounded.flat()])
    const [removed, done, examined] = answer.slice(1).map(Number) as [number, number, number]
    const next = bounded[done]?.[0]
    this.#begun = { topic: next ?? '', after: examined }
    this.#topic = (next === undefined ? topics.at(-1) : bounded[done - 1]?.[0]) ?? this.#topic
    if (next === undefined && topics.length < MAX_TOPICS_A_STEP) {
      this.#topic = ''
      this.#phase = 'keys'
    }
    return { removed, done: false }
  }

  async #forgetKeys(session: RedisSession, rules: readonly RetentionRule[], now: number): Promise<Step> {
    const last = this.#rank + MAX_TOPICS_A_STEP - 1
    const range = ['ZRANGE', `${this.#base}answered`, `${this.#rank}`, `${last}`]
    const topics = (await session.commands.call(range)) as readonly string[]
    const args = topics.flatMap((topic) => [topic, `${ruleFor(rules, topic)?.maxBytes ?? ''}`])
    const answer = await session.run(FORGET, [now - IDEMPOTENCY_WINDOW_MS, ...args])
    const [done, left] = answer.slice(1).map(Number) as [number, number]
    this.#rank += left
    if (done === topics.length && topics.length < MAX_TOPICS_A_STEP) {
      this.#rank = 0
      this.#phase = 'rest'
    }
    return { removed: 0, done: false }
  }

  async #sweep(session: RedisSession, now: number): Promise<Step> {
    const answer = await session.run(SWEEP, [now])
    const [removed, isDone] = answer.slice(1).map(Number) as [number, number]
    if (isDone === 1) this.#phase = 'topics'
    return { removed, done: isDone === 1 }
  }
}
