import { expire, ruleFor } from '../retention.ts'
import type { Candidate, RetentionRule } from '../retention.ts'
import { stateBytesOf } from './store.ts'
import type { Entry, Store, Topic } from './store.ts'

// A step runs on the event loop: these limits keep it at a few milliseconds.
const MAX_TOPICS_A_STEP = 200
const MAX_EVENTS_A_STEP = 500

const NOTHING: RetentionRule = { selector: '**' }
const EVERYTHING: RetentionRule = { selector: '**', maxAgeMs: Number.NEGATIVE_INFINITY }

interface Trimmed {
  readonly removed: number
  readonly done: boolean
}

/** Walks the topics of a memory log in steps. */
export class Trimmer {
  readonly #store: Store
  #round: Iterator<Topic> | undefined
  /** The progress of the round: the topic, and the event up to which it was examined. */
  #topic: Topic | undefined
  #after = 0

  constructor(store: Store) {
    this.#store = store
  }

  step(rules: readonly RetentionRule[], now: number): Trimmed {
    let removed = 0
    for (let topics = 0; topics < MAX_TOPICS_A_STEP && removed < MAX_EVENTS_A_STEP; topics += 1) {
      const topic = this.#topic ?? this.#next()
      if (topic === undefined) return { removed, done: true }
      const rule = topic.isPurged ? EVERYTHING : (ruleFor(rules, topic.name) ?? NOTHING)
      const trimmed = this.#trimTopic(topic, rule, now)
      removed += trimmed.removed
      if (!trimmed.done) return { removed, done: false }
      this.#topic = undefined
    }
    return { removed, done: false }
  }

  #next(): Topic | undefined {
    this.#round ??= this.#topics()
    const { value, done } = this.#round.next()
    if (done === true) this.#round = undefined
    this.#topic = value
    this.#after = 0
    return this.#topic
  }

  *#topics(): Iterator<Topic, undefined> {
    yield* this.#store.purged
    yield* this.#store.topics.values()
    return undefined
  }

  #trimTopic(topic: Topic, rule: RetentionRule, now: number): Trimmed {
    const looked: Entry[] = []
    const candidates = topic.entries.after(this.#after)
    const holdings = { ...topic.holdings }
    const { offsets, settled } = expire(rule, now, holdings, firstOf(candidates, looked))
    this.#after = looked.at(-1)?.place ?? this.#after
    const doomed = new Set(offsets)
    for (const entry of looked) if (doomed.has(entry.place)) this.#store.remove(entry)
    return { removed: offsets.length, done: settled || looked.length < MAX_EVENTS_A_STEP }
  }
}

/** As many topics as one step may examine; returns them. */
function* firstOf(entries: Iterable<Entry>, looked: Entry[]): Iterable<Candidate> {
  for (const entry of entries) {
    if (looked.length === MAX_EVENTS_A_STEP) return
    looked.push(entry)
    const { place: offset, isNewestOfKey: isNewest } = entry
    const bytes = isNewest ? stateBytesOf(entry) : entry.bytes
    yield { offset, time: entry.event!.time, bytes, isNewest }
  }
}
