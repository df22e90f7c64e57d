import type { LogError } from './errors.ts'
import type { RetentionRule } from './retention.ts'

/**
 * How long the answer to an idempotency key is kept, in milliseconds. Where retention bounds the bytes of a topic,
 * its oldest answers go sooner when they exceed as much again.
 */
export const IDEMPOTENCY_WINDOW_MS: number = 24 * 60 * 60 * 1000

/** What an event was published by, for tracing (https://www.w3.org/TR/trace-context/): passed on as it came. */
export interface TraceContext {
  readonly traceparent: string
  readonly tracestate?: string
}

/** An event on its way into the log. The log trusts it: its publisher has checked topic, type, key, data and trace. */
export interface NewEvent {
  readonly topic: string
  readonly data: string
  readonly type?: string | undefined
  /** The newest event of a key is what a snapshot of the topic holds. */
  readonly key?: string | undefined
  /** Removes the key from snapshots. The event itself is stored and tailed as history. Only with a key. */
  readonly remove?: boolean | undefined
  /** The topic ends with this event. */
  readonly end?: boolean | undefined
  /** Within {@link IDEMPOTENCY_WINDOW_MS}, the second event of a topic with this key is not stored again. */
  readonly idempotencyKey?: string | undefined
  readonly trace?: TraceContext | undefined
}

/** An event as the log holds it. */
export interface StoredEvent {
  /** Its place in the log: an integer from 1 that only grows, over all topics and restarts. */
  readonly offset: number
  readonly topic: string
  readonly type: string | undefined
  readonly key: string | undefined
  readonly data: string
  /** When it was stored, in milliseconds since 1970, by the log's clock. Clocks jump; offsets do not. */
  readonly time: number
  /** It removed its key: until the next event with that key, no snapshot has it. */
  readonly remove: boolean
  readonly end: boolean
  readonly trace: TraceContext | undefined
}

/** What became of one event of a batch. */
export interface Appended {
  readonly offset: number
  /** The idempotency key was seen before; `offset` is that of the first event. */
  readonly duplicate: boolean
}

/** What to read. */
export interface Query {
  /** Valid selectors, at least one. An event that several of them match is read once. */
  readonly selectors: readonly string[]
  /** Only events with a larger offset. 0 is the start of the log. */
  readonly after: number
  /** At most this many events. */
  readonly limit: number
  /** Stop after the event that reaches this many bytes of data; a single larger event is still read. */
  readonly maxBytes: number
}

/**
 * A run of matching events, in log order, with none left out between `after` and `next`. Reading one is a bounded
 * amount of work, so a page may hold few events, or none, and still have `more` after it.
 */
export interface Page {
  readonly events: readonly StoredEvent[]
  /** Every retained match up to here is in this page or before it: the next page's `after`. */
  readonly next: number
  /**
   * There may be matches after `next`, which is larger than `after` then. When false, `next` was the newest offset
   * of the log as it was read.
   */
  readonly more: boolean
  /**
   * The largest offset of a match that is no longer retained, or a bound above it; 0 when there is none.
   * A reader whose `after` is smaller has lost events, and must be told.
   */
  readonly lostThrough: number
  /**
   * Grows each time that matches are removed, also such as lie before `lostThrough`: a reader that was told
   * of a loss at one number has lost nothing more as long as it stays.
   */
  readonly losses: number
}

/** Told of everything that is committed, by this node and every other, in log order. Must not throw. */
export interface TailListener {
  /** A run of events, as they were committed: never empty, offsets larger than any before. */
  events(events: readonly StoredEvent[]): void
  /** Every event of the topic up to this offset was purged. */
  purged(topic: string, through: number): void
  /** The tail is lost for good (the engine died or was replaced); nothing more comes. */
  failed(error: LogError): void
}

/** A running tail. */
export interface Tail {
  /** The newest offset when the tail began: the listener is told of every event after it. */
  readonly after: number
  stop(): void
}

export interface LogDescription {
  /** The log's identity: minted when it is created, and when a log is opened that was restored or copied. */
  readonly epoch: string
  /** The smallest retained offset; `newest + 1` when nothing is retained. */
  readonly oldest: number
  /** The largest offset ever given, retained or not; 0 in a new log. */
  readonly newest: number
  /** 32 random bytes in base64url, minted with the log, that all its nodes share. It never leaves them. */
  readonly secret: string
}

/** What a listing says of a topic. */
export interface TopicSummary {
  readonly topic: string
  /** The offset of its newest event, retained or not. */
  readonly newest: number
  readonly ended: boolean
  /** How many of its events are retained. */
  readonly events: number
  /** Bytes of their data, and of the key of each event that is the newest of its key. */
  readonly bytes: number
}

export interface TopicQuery {
  /** Only topics whose name starts with this text. */
  readonly prefix: string
  /** Only topics after this name, in code point order; the empty text is the start. */
  readonly after: string
  readonly limit: number
}

/** A key that the nodes of a log share until a time, in milliseconds of the epoch. */
export interface Note {
  /** At most 256 bytes. */
  readonly key: string
  readonly until: number
}

export interface NoteQuery {
  /** Only keys that start with this text. */
  readonly prefix: string
  /** Only keys after this one, in code point order; the empty text is the start. */
  readonly after: string
  readonly limit: number
}

/**
 * An append-only, durable, totally ordered record of events: the one seam between the hub and storage.
 *
 * The contract, proved for every implementation by the testkit's `testEventLog`:
 *
 * - **One order.** Offsets grow strictly over all topics, nodes and restarts, and are never given twice.
 *   They may have holes. An engine with several partitions uses one of them for a log, since every node
 *   tails all of it anyway. Everything read or tailed comes in offset order.
 * - **Acknowledged is durable.** `append` resolves when the events, their keys, their idempotency records
 *   and the end of their topics would survive the death of this process, all in one commit. When it
 *   rejects with `full`, `unwritable` or `busy`, none of it is stored, and nobody is told of it.
 * - **A batch is atomic**: contiguous in the log, in order, all or none.
 * - **Read your writes.** `read` and `snapshot` see every event whose `append` resolved before the call.
 * - **Tail is complete.** After `tail` resolved, its listener is told of every event after `Tail.after`,
 *   once, before or while the `append` of this node resolves.
 * - **Loss is visible.** What retention or a purge removed shows as `Page.lostThrough`, to readers of the topics that
 *   lost it. Only an engine that has forgotten a topic altogether, of many that are gone, may show its loss to others.
 *
 * Any method rejects with `closed` after `close`.
 */
export interface EventLog {
  append(batch: readonly NewEvent[]): Promise<readonly Appended[]>

  /**
   * Matching events after a place, one bounded page at a time. A call looks at a few thousand rows at most: a page
   * ends early where matches are rare, with `more`. At the newest offset nothing is looked at. The cost of all pages
   * grows with what matches, or, for patterns under whose literal prefix there are many topics, with what was stored
   * after the place; it does not grow with the number of selectors times the number of topics.
   */
  read(query: Query): Promise<Page>

  /**
   * The newest event of each key of the selected topics, one bounded page at a time. Page after page, until
   * `more` is false, a reader has seen the newest event of every key as of the last page's `next`. (A key
   * that changes meanwhile moves behind the pages already read, so it is seen again, and never missed.)
   *
   * A key that is removed meanwhile may have been in an earlier page. The removal lies after the newest offset at the
   * time of the first page, so a reader that goes on from there with `read` receives it.
   */
  snapshot(query: Query): Promise<Page>

  /** For each topic, in order, the offset of the event that ended it. */
  ended(topics: readonly string[]): Promise<readonly (number | undefined)[]>

  topics(query: TopicQuery): Promise<readonly TopicSummary[]>

  /** Resolves when the listener is attached. */
  tail(listener: TailListener): Promise<Tail>

  /**
   * One small step of retention, by the first rule whose selector matches each topic; never long enough to
   * be felt by a publisher. Call it until `done`.
   */
  trim(rules: readonly RetentionRule[], now: number): Promise<{ removed: number; done: boolean }>

  /** Removes every event of a topic, and its end. Resolves with false when the topic is not known. */
  purge(topic: string): Promise<boolean>

  /**
   * Notes a key until a time, for all nodes of the log. Of all calls with the same key, on all nodes together,
   * one resolves with true, once the note is durable; the others resolve with false. A key that is noted again
   * is noted until the later of the two times. A note whose time is over counts for nothing, and `trim` removes it.
   */
  note(note: Note): Promise<boolean>

  /**
   * Reads notes whose time is not over, in code point order of their keys. It sees every note that any node has
   * resolved: nodes learn of each other's revocations by it.
   */
  notes(query: NoteQuery): Promise<readonly Note[]>

  describe(): Promise<LogDescription>

  /** Resolves when the log can be written and read now; rejects with the reason when it cannot. */
  ready(): Promise<void>

  /** Finishes what was accepted, then lets go of everything. Safe to call twice. */
  close(): Promise<void>
}
