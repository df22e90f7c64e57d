import type { NewEvent, StoredEvent, TopicQuery, TopicSummary } from '../event-log.ts'
import type { Loss } from '../losses.ts'
import type { Holdings } from '../retention.ts'
import { Sequence } from './sequence.ts'
import type { Placed } from './sequence.ts'
import { TopicNames } from './topic-names.ts'

/** The size of an event in addition to its data, so that a flood of empty events is bounded too. */
const EVENT_OVERHEAD = 256
/** Maximum topics without events whose losses are remembered. Beyond that, the floor stands for the oldest. */
const MAX_FORGOTTEN_TOPICS = 10_000

/** An event in its place. Undefined after it was removed. */
export class Entry implements Placed {
  readonly place: number
  readonly topic: Topic
  readonly bytes: number
  event: StoredEvent | undefined

  constructor(topic: Topic, event: StoredEvent) {
    this.place = event.offset
    this.topic = topic
    this.bytes = Buffer.byteLength(event.data)
    this.event = event
  }

  get isGone(): boolean {
    return this.event === undefined
  }

  get isNewestOfKey(): boolean {
    return this.event?.key !== undefined && this.topic.keys.get(this.event.key) === this
  }
}

/** The last loss of a topic, unless it was forgotten. */
interface LossRecord extends Placed {
  readonly topic: Topic
  isGone: boolean
}

export class Topic {
  readonly name: string
  readonly entries: Sequence<Entry> = new Sequence()
  /** The newest event of each key. */
  readonly keys: Map<string, Entry> = new Map()
  readonly holdings: Holdings = { count: 0, bytes: 0, stateBytes: 0 }
  newest = 0
  ended: number | undefined
  /** Its events are to be removed; another topic has its name now. */
  isPurged = false
  loss: Loss
  lossRecord: LossRecord | undefined

  constructor(name: string, loss: Loss) {
    this.name = name
    this.loss = loss
  }
}

/** The events of a memory log, in order and by topic, and their losses. */
export class Store {
  readonly entries: Sequence<Entry> = new Sequence()
  readonly topics: Map<string, Topic> = new Map()
  readonly names: TopicNames = new TopicNames()
  /** Topics whose events have not been removed yet. */
  readonly purged: Set<Topic> = new Set()
  /** UTF-16 code units of data, plus {@link EVENT_OVERHEAD} per event. */
  length = 0
  newest = 0
  /** A bound for the loss of every unknown topic. */
  floor: Loss = { lostThrough: 0, losses: 0 }
  readonly #lossRecords: Sequence<LossRecord> = new Sequence()
  /** Topics without events. Those that lost theirs first are at the front. */
  readonly #forgotten = new Set<Topic>()
  #losses = 0

  add(
    { topic: name, type, key, data, remove = false, end = false, trace }: NewEvent,
    time: number,
  ): StoredEvent {
    this.newest += 1
    const offset = this.newest
    const event: StoredEvent = { offset, topic: name, type, key, data, time, remove, end, trace }
    const topic = this.topics.get(name) ?? this.#create(name, this.floor)
    this.#forgotten.delete(topic)
    const entry = new Entry(topic, event)
    topic.newest = event.offset
    if (end) topic.ended = event.offset
    const superseded = key === undefined ? undefined : topic.keys.get(key)
    if (superseded !== undefined) {
      topic.keys.delete(key!)
      topic.holdings.stateBytes -= stateBytesOf(superseded)
      addToHistory(topic, superseded)
    }
    if (key === undefined || remove) {
      addToHistory(topic, entry)
    } else {
      topic.keys.set(key, entry)
      topic.holdings.stateBytes += stateBytesOf(entry)
    }
    topic.entries.push(entry)
    this.entries.push(entry)
    this.length += lengthOf(event)
    return event
  }

  remove(entry: Entry): void {
    const { topic, event } = entry
    if (event === undefined) return
    if (entry.isNewestOfKey) {
      topic.holdings.stateBytes -= stateBytesOf(entry)
      topic.keys.delete(event.key!)
    } else {
      topic.holdings.count -= 1
      topic.holdings.bytes -= entry.bytes
    }
    entry.event = undefined
    this.length -= lengthOf(event)
    topic.entries.drop()
    this.entries.drop()
    if (!topic.isPurged) this.#noteLoss(topic, entry.place)
    if (topic.entries.size === 0) this.#forget(topic)
  }

  /** Puts the events of a topic out of reach; they are removed step by step. @returns undefined if it has none */
  purge(name: string): Topic | undefined {
    const topic = this.topics.get(name)
    if (topic === undefined || topic.entries.size === 0) return undefined
    this.purged.add(topic)
    topic.isPurged = true
    this.#dropRecord(topic)
    const next = this.#create(name, topic.loss)
    next.newest = topic.newest
    this.#noteLoss(next, topic.newest)
    this.#forget(next)
    return topic
  }

  /** One past the newest if nothing is left. */
  get oldest(): number {
    for (const { place } of this.entries.after(0)) return place
    return this.newest + 1
  }

  list({ prefix, after, limit }: TopicQuery): TopicSummary[] {
    const listed: TopicSummary[] = []
    for (const name of this.names.after(after, prefix)) {
      const { newest, ended, entries, holdings } = this.topics.get(name)!
      const bytes = holdings.bytes + holdings.stateBytes
      if (entries.size > 0)
        listed.push({ topic: name, newest, ended: ended !== undefined, events: entries.size, bytes })
      if (listed.length === limit) break
    }
    return listed
  }

  /** What topics have lost, in the order of `losses`, after one of them. */
  *lossesAfter(losses: number): Iterable<Topic> {
    for (const { topic } of this.#lossRecords.after(losses)) yield topic
  }

  #create(name: string, loss: Loss): Topic {
    const topic = new Topic(name, loss)
    if (!this.topics.has(name)) this.names.add(name)
    this.topics.set(name, topic)
    return topic
  }

  #noteLoss(topic: Topic, through: number): void {
    this.#losses += 1
    topic.loss = { lostThrough: Math.max(topic.loss.lostThrough, through), losses: this.#losses }
    this.#dropRecord(topic)
    topic.lossRecord = { place: this.#losses, topic, isGone: false }
    this.#lossRecords.push(topic.lossRecord)
  }

  #dropRecord(topic: Topic): void {
    if (topic.lossRecord === undefined) return
    topic.lossRecord.isGone = true
    topic.lossRecord = undefined
    this.#lossRecords.drop()
  }

  /** Keeps only the loss of a topic without events. */
  #forget(topic: Topic): void {
    if (this.purged.delete(topic)) return
    topic.ended = undefined
    this.#forgotten.add(topic)
    if (this.#forgotten.size <= MAX_FORGOTTEN_TOPICS) return
    const [oldest] = this.#forgotten as unknown as [Topic]
    this.#forgotten.delete(oldest)
    this.topics.delete(oldest.name)
    this.names.delete(oldest.name)
    this.#dropRecord(oldest)
    const lostThrough = Math.max(this.floor.lostThrough, oldest.loss.lostThrough)
    this.floor = { lostThrough, losses: this.#losses }
  }
}

function addToHistory({ holdings }: Topic, { bytes }: Entry): void {
  holdings.count += 1
  holdings.bytes += bytes
}

function lengthOf({ data, trace }: StoredEvent): number {
  return data.length + EVENT_OVERHEAD + (trace?.tracestate?.length ?? 0)
}

/** The size of the newest event of a key in the state of its topic. */
export function stateBytesOf({ bytes, event }: Entry): number {
  return bytes + Buffer.byteLength(event?.key ?? '')
}
