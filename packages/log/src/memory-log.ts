import { Answers } from './answers.ts'
import { mintEpoch, mintSecret } from './cursor.ts'
import { refusalOf, topicEnded } from './end-of-topic.ts'
import { LogError } from './errors.ts'
import type {
  Appended,
  EventLog,
  LogDescription,
  NewEvent,
  Page,
  Query,
  StoredEvent,
  TailListener,
  TopicQuery,
  TopicSummary,
} from './event-log.ts'
import { expire, ruleFor } from './retention.ts'
import type { RetentionRule } from './retention.ts'
import { matches } from './selector.ts'
import { TailListeners } from './tail-listeners.ts'

/** What a memory log holds at most, in UTF-16 code units of data; beyond it the oldest events go. */
export const DEFAULT_MEMORY_LOG_LENGTH: number = 128 * 1024 * 1024

/** What an event counts for besides its data, so that a flood of empty events is bounded too. */
const EVENT_OVERHEAD = 256

export interface MemoryLogOptions {
  /**
   * The most data held, in UTF-16 code units, 256 more for each event; beyond it the oldest events of any
   * topic are dropped. Idempotency keys have as much again.
   *
   * @defaultValue {@link DEFAULT_MEMORY_LOG_LENGTH}
   */
  readonly maxLength?: number | undefined
  /** The wall clock, in milliseconds. @defaultValue `Date.now` */
  readonly now?: (() => number) | undefined
}

interface Topic {
  newest: number
  retained: number
  trimmed: number
  /** What `losses` was when it last lost something. */
  lostAt: number
  ended: number | undefined
  /** The offset of the newest event of each key. */
  readonly keys: Map<string, number>
}

/** A log for tests and throw-away hubs: an array. It survives nothing. */
export function createMemoryLog(options: MemoryLogOptions = {}): EventLog {
  const { maxLength = DEFAULT_MEMORY_LOG_LENGTH, now = Date.now } = options
  const epoch = mintEpoch()
  const secret = mintSecret()
  const topics = new Map<string, Topic>()
  const answers = new Answers(maxLength)
  const listeners = new TailListeners()
  let events: StoredEvent[] = []
  let length = 0
  let newest = 0
  /** The largest `trimmed` of a topic that is forgotten: a bound for every topic that is not known. */
  let floor = 0
  let floorAt = 0
  /** How often anything was removed. */
  let losses = 0
  let isClosed = false

  function assertOpen(): void {
    if (isClosed) throw new LogError('closed', 'The log is closed.')
  }

  function remove(doomed: ReadonlySet<number>): void {
    if (doomed.size === 0) return
    losses += 1
    for (const event of events) {
      if (!doomed.has(event.offset)) continue
      length -= lengthOf(event)
      const topic = topics.get(event.topic)!
      topic.retained -= 1
      topic.trimmed = Math.max(topic.trimmed, event.offset)
      topic.lostAt = losses
      if (event.key !== undefined && topic.keys.get(event.key) === event.offset) topic.keys.delete(event.key)
    }
    events = events.filter((event) => !doomed.has(event.offset))
    for (const [name, topic] of topics) {
      if (topic.retained > 0) continue
      floor = Math.max(floor, topic.trimmed)
      floorAt = losses
      topics.delete(name)
    }
  }

  /** Makes room for a tenth of the bound at once, since removing costs a walk over everything. */
  function dropOldest(): void {
    const doomed = new Set<number>()
    let over = length - maxLength * 0.9
    for (const event of events.slice(0, -1)) {
      if (over <= 0) break
      over -= lengthOf(event)
      doomed.add(event.offset)
    }
    remove(doomed)
  }

  function isNewestOfKey(event: StoredEvent): boolean {
    return event.key !== undefined && topics.get(event.topic)?.keys.get(event.key) === event.offset
  }

  function page(query: Query, accepts: (event: StoredEvent) => boolean): Page {
    const found: StoredEvent[] = []
    let bytes = 0
    let more = false
    for (let i = indexAfter(events, query.after); i < events.length; i += 1) {
      const event = events[i]!
      if (!query.selectors.some((selector) => matches(selector, event.topic)) || !accepts(event)) continue
      if (found.length === query.limit || bytes >= query.maxBytes) {
        more = true
        break
      }
      found.push(event)
      bytes += Buffer.byteLength(event.data)
    }
    const next = more ? found.at(-1)!.offset : newest
    return { events: found, next, more, ...lossesOf(query.selectors) }
  }

  function lossesOf(selectors: readonly string[]): Pick<Page, 'lostThrough' | 'losses'> {
    const areKnown = selectors.every((selector) => topics.has(selector))
    let lostThrough = areKnown ? 0 : floor
    let lostAt = areKnown ? 0 : floorAt
    for (const [name, topic] of topics) {
      if (!selectors.some((selector) => matches(selector, name))) continue
      lostThrough = Math.max(lostThrough, topic.trimmed)
      lostAt = Math.max(lostAt, topic.lostAt)
    }
    return { lostThrough, losses: lostAt }
  }

  function store(event: NewEvent, time: number): { appended: Appended; stored?: StoredEvent } {
    const answered = answers.find(event, time)
    if (answered !== undefined) return { appended: { offset: answered, duplicate: true } }
    newest += 1
    const { topic: name, type, key, data, end = false, trace } = event
    const stored: StoredEvent = { offset: newest, topic: name, type, key, data, time, end, trace }
    const topic = topics.get(name) ?? {
      newest,
      retained: 0,
      trimmed: floor,
      lostAt: floorAt,
      ended: undefined,
      keys: new Map(),
    }
    topics.set(name, topic)
    topic.newest = newest
    topic.retained += 1
    if (end) topic.ended = newest
    if (key !== undefined) topic.keys.set(key, newest)
    answers.save(event, newest, time)
    events.push(stored)
    length += lengthOf(stored)
    return { appended: { offset: newest, duplicate: false }, stored }
  }

  return {
    append(batch: readonly NewEvent[]): Promise<readonly Appended[]> {
      return attempt(() => {
        assertOpen()
        const time = now()
        const refusal = refusalOf(
          batch,
          (topic) => topics.get(topic)?.ended !== undefined,
          (event) => answers.find(event, time) !== undefined,
        )
        if (refusal !== undefined) throw topicEnded(refusal)
        const results = batch.map((event) => store(event, time))
        const stored = results.flatMap((result) => result.stored ?? [])
        if (stored.length > 0) listeners.events(stored)
        if (length > maxLength) dropOldest()
        return results.map((result) => result.appended)
      })
    },

    read: (query: Query) =>
      attempt(() => {
        assertOpen()
        return page(query, () => true)
      }),

    snapshot: (query: Query) =>
      attempt(() => {
        assertOpen()
        return page(query, isNewestOfKey)
      }),

    ended: (names: readonly string[]) =>
      attempt(() => {
        assertOpen()
        return names.map((name) => topics.get(name)?.ended)
      }),

    topics: (query: TopicQuery): Promise<readonly TopicSummary[]> =>
      attempt(() => {
        assertOpen()
        return [...topics]
          .filter(([name]) => name.startsWith(query.prefix) && compare(name, query.after) > 0)
          .toSorted(([a], [b]) => compare(a, b))
          .slice(0, query.limit)
          .map(([topic, { newest: offset, ended }]) => ({
            topic,
            newest: offset,
            ended: ended !== undefined,
          }))
      }),

    tail: (listener: TailListener) =>
      attempt(() => {
        assertOpen()
        return { after: newest, stop: listeners.add(listener) }
      }),

    trim: (rules: readonly RetentionRule[], at: number) =>
      attempt(() => {
        assertOpen()
        const doomed = new Set<number>()
        for (const name of topics.keys()) {
          const rule = ruleFor(rules, name)
          if (rule === undefined) continue
          const candidates = events
            .filter((event) => event.topic === name)
            .map((event) => ({
              offset: event.offset,
              time: event.time,
              bytes:
                Buffer.byteLength(event.data) + (isNewestOfKey(event) ? Buffer.byteLength(event.key!) : 0),
              isNewest: isNewestOfKey(event),
            }))
          const holdings = { count: 0, bytes: 0, stateBytes: 0 }
          for (const { isNewest, bytes } of candidates) {
            if (isNewest) {
              holdings.stateBytes += bytes
            } else {
              holdings.count += 1
              holdings.bytes += bytes
            }
          }
          for (const offset of expire(rule, at, holdings, candidates).offsets) doomed.add(offset)
        }
        remove(doomed)
        answers.expire(at)
        return { removed: doomed.size, done: true }
      }),

    purge: (name: string) =>
      attempt(() => {
        assertOpen()
        const topic = topics.get(name)
        if (topic === undefined) return false
        remove(new Set(events.filter((event) => event.topic === name).map((event) => event.offset)))
        listeners.purged(name, topic.newest)
        return true
      }),

    claim: (key: string) =>
      attempt(() => {
        assertOpen()
        const time = now()
        const claimed = { topic: '', data: '', idempotencyKey: key }
        if (answers.find(claimed, time) !== undefined) return false
        answers.save(claimed, 0, time)
        return true
      }),

    describe: (): Promise<LogDescription> =>
      attempt(() => {
        assertOpen()
        return { epoch, oldest: events[0]?.offset ?? newest + 1, newest, secret }
      }),

    ready: () => attempt(assertOpen),

    close(): Promise<void> {
      isClosed = true
      listeners.clear()
      return Promise.resolve()
    },
  } satisfies EventLog
}

function lengthOf({ data, trace }: StoredEvent): number {
  return data.length + EVENT_OVERHEAD + (trace?.tracestate?.length ?? 0)
}

async function attempt<T>(task: () => T): Promise<T> {
  return task()
}

/** The index of the first event after an offset. */
function indexAfter(events: readonly StoredEvent[], after: number): number {
  let low = 0
  let high = events.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (events[middle]!.offset > after) high = middle
    else low = middle + 1
  }
  return low
}

/** By code point, which UTF-8 sorts by and UTF-16 does not. */
function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
