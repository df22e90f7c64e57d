import { randomUUID } from 'node:crypto'

import type { RetentionRule } from '@tailrace/log'
import { expire, ruleFor, type Candidate } from '@tailrace/log/adapter'

import type { Row } from './connection.ts'
import type { PostgresSession } from './session.ts'

// A step is one transaction, for which publishers wait. These bounds keep it at a few milliseconds.
const MAX_TOPICS_A_STEP = 200
const MAX_EVENTS_A_STEP = 256
/** Events that a step examines, over all topics; at least a few of each. */
const MAX_CANDIDATES_A_STEP = 2_048
const MIN_CANDIDATES_A_TOPIC = 8

/**
 * How many topics without events keep their row, so that the loss of each is known. Beyond that, the first ones found
 * are removed, and the floor stands for them.
 */
const MAX_FORGOTTEN_TOPICS = 10_000
/** For how long a node that does not continue keeps others from retention. */
const LEASE = '10 seconds'

const NOTHING: RetentionRule = { selector: '**' }
const EVERYTHING: RetentionRule = { selector: '**', maxAgeMs: Number.NEGATIVE_INFINITY }

const HOLD = {
  name: 'hold lease',
  text: `UPDATE lease SET holder = $1, until = clock_timestamp() + interval '${LEASE}'
    WHERE holder = $1 OR until < clock_timestamp() RETURNING true AS held`,
}
const LET_GO = { name: 'let lease go', text: `UPDATE lease SET until = '-infinity' WHERE holder = $1` }
const TOPICS = {
  name: 'topics to trim',
  text: `
    SELECT t.id, name, is_purged, count, bytes, state_bytes, keys, ended IS NOT NULL AS is_ended, oldest.time
    FROM topics t LEFT JOIN LATERAL (
      SELECT time FROM events WHERE topic = t.id ORDER BY seq LIMIT 1
    ) oldest ON true
    WHERE t.id >= $1 ORDER BY t.id LIMIT ${MAX_TOPICS_A_STEP}`,
}
const CANDIDATES = {
  name: 'events to trim',
  text: `
    SELECT one.* FROM unnest($1::bigint[], $2::bigint[]) AS wanted (id, after) CROSS JOIN LATERAL (
      SELECT e.topic, e.seq, e.time, k.seq IS NOT NULL AS is_newest,
        octet_length(data) + CASE WHEN k.seq IS NULL THEN 0 ELSE octet_length(e.key) + 64 END AS bytes
      FROM events e LEFT JOIN keys k ON k.seq = e.seq
      WHERE e.topic = wanted.id AND e.seq > wanted.after ORDER BY e.seq LIMIT $3
    ) one`,
}
const REMOVE = { name: 'remove events', text: 'SELECT * FROM remove_events($1, $2, $3, $4)' }
const REMOVE_EXPIRED = { name: 'remove expired', text: 'SELECT remove_expired_answers($1, $2) AS removed' }
const ANSWERED = {
  name: 'answered',
  text: `SELECT topic, bytes FROM answered WHERE topic > $1 ORDER BY topic LIMIT ${MAX_TOPICS_A_STEP}`,
}
const REMOVE_SURPLUS = {
  name: 'remove surplus',
  text: 'SELECT remove_surplus_answers($1, $2, $3) AS removed',
}
const REMOVE_NOTES = {
  name: 'remove notes',
  text: `
    WITH gone AS (
      DELETE FROM notes WHERE key IN (SELECT key FROM notes WHERE until <= $1 ORDER BY until LIMIT $2) RETURNING 1
    ) SELECT count(*) AS removed FROM gone`,
}
const END_ROUND = { name: 'end round', text: 'SELECT end_round($1) AS is_over' }

interface Topic {
  readonly id: number
  readonly rule: RetentionRule
  readonly row: Row
}

/** How far a round has come. */
interface Place {
  /** The topic at which it continues, and the event of this topic after which it does. */
  readonly id: number
  readonly after: number
  readonly areTopicsDone: boolean
  /** The topic after whose answers it continues. */
  readonly answersAfter: string
  /** Rows of topics without events that it has found. */
  readonly empties: number
}

const START: Place = { id: 0, after: 0, areTopicsDone: false, answersAfter: '', empties: 0 }

interface Trimmed {
  readonly removed: number
  readonly done: boolean
}

/**
 * Retention, in rounds of steps, on the node that holds the lease. It decides on events outside of transactions, so that
 * a node that stands still holds nothing up, and removes them in one call. That an event may not be the newest of its
 * key any more by then makes no difference.
 */
export class Trimmer {
  readonly #holder = randomUUID()
  #place = START
  /** Rows of topics without events, beyond the maximum, of the last round. */
  #superfluous = 0
  #running: Promise<unknown> = Promise.resolve()

  /** One step, after those that were asked for before. */
  step(session: PostgresSession, rules: readonly RetentionRule[], now: number): Promise<Trimmed> {
    const step = this.#running.then(() => this.#step(session, rules, now))
    this.#running = step.catch(() => {})
    return step
  }

  /** Lets another node work. */
  async letGo({ keeper }: PostgresSession): Promise<void> {
    await keeper.run(LET_GO, [this.#holder])
  }

  async #step(session: PostgresSession, rules: readonly RetentionRule[], now: number): Promise<Trimmed> {
    const { keeper } = session
    const [lease] = await keeper.run(HOLD, [this.#holder])
    if (lease === undefined) return { removed: 0, done: true }
    if (!this.#place.areTopicsDone) {
      const { removed, done } = await this.#trimTopics(session, rules, now)
      if (!done) return { removed, done }
      this.#place = { ...this.#place, areTopicsDone: true }
      // Most rounds find nothing else: the last step of topics looks for it too.
      const rest = await this.#trimRest(session, rules, now)
      return { removed, done: rest }
    }
    return { removed: 0, done: await this.#trimRest(session, rules, now) }
  }

  async #trimTopics(
    { keeper, known }: PostgresSession,
    rules: readonly RetentionRule[],
    now: number,
  ): Promise<Trimmed> {
    const rows = await keeper.run(TOPICS, [this.#place.id])
    const all = rows.map((row): Topic => {
      const rule = row['is_purged'] === true ? EVERYTHING : (ruleFor(rules, row['name'] as string) ?? NOTHING)
      return { id: row['id'] as number, rule, row }
    })
    const topics = all.filter((topic) => hasSurplus(topic, now))
    const afterOf = ({ id }: Topic): number => (id === this.#place.id ? this.#place.after : 0)
    const limit = Math.max(MIN_CANDIDATES_A_TOPIC, Math.floor(MAX_CANDIDATES_A_STEP / (topics.length || 1)))
    const candidates = Map.groupBy(
      topics.length === 0
        ? []
        : await keeper.run(CANDIDATES, [topics.map(({ id }) => id), topics.map(afterOf), limit]),
      (row) => row['topic'] as number,
    )

    const doomed: number[] = []
    let stop: Pick<Place, 'id' | 'after'> | undefined
    for (const topic of topics) {
      if (doomed.length >= MAX_EVENTS_A_STEP) {
        stop = { id: topic.id, after: 0 }
        break
      }
      const found = candidates.get(topic.id) ?? []
      const room = Math.min(limit, MAX_EVENTS_A_STEP - doomed.length)
      const examined = found.slice(0, room)
      const { offsets, settled } = expire(topic.rule, now, holdingsOf(topic.row), examined.map(toCandidate))
      doomed.push(...offsets)
      if (!settled && (found.length > room || found.length === limit)) {
        stop = { id: topic.id, after: examined.at(-1)!['seq'] as number }
        break
      }
    }

    const isLast = rows.length < MAX_TOPICS_A_STEP
    const lastId = stop?.id ?? (rows.at(-1)?.['id'] as number | undefined) ?? this.#place.id
    const passed = all.filter(({ id }) => id <= lastId)
    const touched = new Set(topics.filter(({ id }) => id <= lastId))
    // Those that are empty, or that this step may leave empty.
    const examined = passed.filter((topic) => touched.has(topic) || isEmpty(topic.row)).map(({ id }) => id)
    let removed = 0
    if (doomed.length > 0 || (examined.length > 0 && this.#hasRowsToRemove(passed))) {
      const [result] = (await keeper.run(REMOVE, [known.epoch, doomed, examined, this.#superfluous])) as [Row]
      removed = result['removed'] as number
      this.#superfluous -= result['forgotten'] as number
      this.#place = { ...this.#place, empties: this.#place.empties + (result['empties'] as number) }
    } else {
      const empties = passed.filter(({ row }) => isEmpty(row)).length
      this.#place = { ...this.#place, empties: this.#place.empties + empties }
    }
    this.#place = { ...this.#place, ...(stop ?? { id: lastId + 1, after: 0 }) }
    return { removed, done: stop === undefined && isLast }
  }

  #hasRowsToRemove(passed: readonly Topic[]): boolean {
    return (
      this.#superfluous > 0 ||
      passed.some(({ row }) => isEmpty(row) && (row['is_purged'] === true || row['is_ended'] === true))
    )
  }

  /** Removes what expires with time alone. @returns whether the round is over */
  async #trimRest(
    { keeper }: PostgresSession,
    rules: readonly RetentionRule[],
    now: number,
  ): Promise<boolean> {
    const max = MAX_EVENTS_A_STEP
    const [expired] = await keeper.run(REMOVE_EXPIRED, [now, max])
    const [notes] = await keeper.run(REMOVE_NOTES, [now, max])
    let removed = expired!['removed'] as number
    if (removed >= max || (notes!['removed'] as number) >= max) return false
    const answered = await keeper.run(ANSWERED, [this.#place.answersAfter])
    for (const row of answered) {
      const topic = row['topic'] as string
      const surplus = (row['bytes'] as number) - (ruleFor(rules, topic)?.maxBytes ?? Number.POSITIVE_INFINITY)
      if (surplus > 0) {
        const [result] = await keeper.run(REMOVE_SURPLUS, [topic, surplus, max])
        removed += result!['removed'] as number
      }
      if (removed >= max) return false
      this.#place = { ...this.#place, answersAfter: topic }
    }
    if (answered.length === MAX_TOPICS_A_STEP) return false
    const [end] = await keeper.run(END_ROUND, [max])
    if (end!['is_over'] === false) return false
    await keeper.run(LET_GO, [this.#holder])
    this.#superfluous = Math.max(0, this.#place.empties - MAX_FORGOTTEN_TOPICS)
    this.#place = START
    return true
  }
}

function isEmpty(row: Row): boolean {
  return Number(row['count']) + Number(row['keys']) === 0
}

/** Whether the rule removes anything of a topic, as far as its row and its oldest event show. */
function hasSurplus({ rule, row }: Topic, now: number): boolean {
  if (isEmpty(row)) return false
  const { maxAgeMs, maxCount = Number.POSITIVE_INFINITY, maxBytes = Number.POSITIVE_INFINITY } = rule
  const { count, bytes, stateBytes } = holdingsOf(row)
  if (count > maxCount || bytes > maxBytes || stateBytes > maxBytes) return true
  const oldest = row['time'] as number | null
  return maxAgeMs !== undefined && oldest !== null && (oldest < now - maxAgeMs || oldest > now)
}

function holdingsOf(row: Row): { count: number; bytes: number; stateBytes: number } {
  return {
    count: row['count'] as number,
    bytes: row['bytes'] as number,
    stateBytes: row['state_bytes'] as number,
  }
}

function toCandidate(row: Row): Candidate {
  return {
    offset: row['seq'] as number,
    time: row['time'] as number,
    bytes: row['bytes'] as number,
    isNewest: row['is_newest'] as boolean,
  }
}
