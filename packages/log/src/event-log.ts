import type { LogError } from './errors.ts'
import type { RetentionRule } from './retention.ts'

/**
 * How long an idempotency key is remembered, in milliseconds. If retention bounds the bytes of a topic, its oldest
 * keys are removed earlier when they exceed the same number of bytes.
 */
export const IDEMPOTENCY_WINDOW_MS: number = 24 * 60 * 60 * 1000

/** The trace context of a publish (https://www.w3.org/TR/trace-context/), stored and returned unchanged. */
export interface TraceContext {
  readonly traceparent: string
  readonly tracestate?: string
}

/** An event to be stored. The log trusts it: its publisher has checked topic, type, key, data and trace. */
export interface NewEvent {
  readonly topic: string
  readonly data: string
  readonly type?: string | undefined
  /** A snapshot of the topic contains the newest event of each key. */
  readonly key?: string | undefined
  /** Removes the key from snapshots. The event itself is stored and tailed as history. Only with a key. */
  readonly remove?: boolean | undefined
  /** The topic ends with this event. */
  readonly end?: boolean | undefined
  /** Within {@link IDEMPOTENCY_WINDOW_MS}, a second event of the topic with this key is not stored again. */
  readonly idempotencyKey?: string | undefined
  readonly trace?: TraceContext | undefined
}

/** An event in the log. */
export interface StoredEvent {
  /** Its position in the log: an integer from 1 that only grows, over all topics and restarts. */
  readonly offset: number
  readonly topic: string
  readonly type: string | undefined
  readonly key: string | undefined
  readonly data: string
  /** When it was stored, in milliseconds since 1970, by the log's clock. Clocks jump; offsets do not. */
  readonly time: number
  /** It removed its key: until the next event with that key, no snapshot contains the key. */
  readonly remove: boolean
  readonly end: boolean
  readonly trace: TraceContext | undefined
}

/** The result for one event of a batch. */
export interface Appended {
  readonly offset: number
  /** The idempotency key was seen before; `offset` is that of the first event. */
  readonly duplicate: boolean
}

/** The query of a page. */
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
 * A run of matching events, in log order, with none missing between `after` and `next`. Reading one is a bounded
 * amount of work, so a page may contain few events, or none, and still have `more` after it.
 */
export interface Page {
  readonly events: readonly StoredEvent[]
  /** Every retained match up to here is in this page or an earlier one: the `after` of the next page. */
  readonly next: number
  /**
   * There may be matches after `next`, which is then larger than `after`. If false, `next` was the newest offset of
   * the log when it was read.
   */
  readonly more: boolean
  /**
   * The largest offset of a match that is no longer retained, or an upper bound for it; 0 if no match was lost. A reader
   * whose `after` is smaller has lost events, and must receive a gap.
   */
  readonly lostThrough: number
  /**
   * Grows each time matches are removed, even if they are before `lostThrough`. As long as it stays the same, a
   * reader that received a gap at this number has lost nothing more.
   */
  readonly losses: number
}

/** Receives everything that any node commits, in log order. Must not throw. */
export interface TailListener {
  /** A run of events, as they were committed: never empty, offsets larger than any before. */
  events(events: readonly StoredEvent[]): void
  /** Every event of the topic up to this offset was purged. */
  purged(topic: string, through: number): void
  /**
   * Some events up to this offset were removed before this tail could report them, because it was behind. The offset is
   * larger than those of all events before, and smaller than those of all later ones: what is left up to it is not
   * reported either. Whoever needs it, or needs to know which topics lost something, must read the log.
   */
  lost(through: number): void
  /**
   * The engine cannot be reached, for this reason. The log keeps trying, with growing pauses, until it succeeds or
   * is closed. Called once per interruption.
   */
  interrupted(reason: LogError): void
  /**
   * The interruption is over. Events continue after the last one that was reported; none is repeated, and if one is
   * missing, `lost` is called.
   */
  resumed(): void
  /** The tail is over: the log now has another identity (its engine was replaced), or is lost. */
  failed(error: LogError): void
}

/** A running tail. */
export interface Tail {
  /**
   * The newest offset when the tail began: the listener receives every event after it. At least the offset of each
   * `append`, and the `newest` of each `describe`, that resolved on this node before.
   */
  readonly after: number
  stop(): void
}

/** Which log it is, and which offsets it has. */
export interface LogDescription {
  /** The identity of the log, minted when it is created, and when a restored or copied log is opened. */
  readonly epoch: string
  /** The smallest retained offset; `newest + 1` if nothing is retained. */
  readonly oldest: number
  /** The largest offset ever issued, retained or not; 0 in a new log. */
  readonly newest: number
}

/** A topic in a list. */
export interface TopicSummary {
  readonly topic: string
  /** The offset of its newest event, retained or not. */
  readonly newest: number
  readonly ended: boolean
  /** The number of its retained events. */
  readonly events: number
  /** Bytes of their data, and of the key of each event that is the newest of its key. */
  readonly bytes: number
}

/** A page of topics, in the order of their names. */
export interface TopicQuery {
  /** Only topics whose name starts with this text. */
  readonly prefix: string
  /** Only topics after this name, in code point order; the empty string is the start. */
  readonly after: string
  readonly limit: number
}

/** A key that the nodes of a log share until a time, in milliseconds since the epoch. */
export interface Note {
  /** At most 256 bytes. */
  readonly key: string
  readonly until: number
}

/** A page of shared notes, in the order of their keys. */
export interface NoteQuery {
  /** Only keys that start with this text. */
  readonly prefix: string
  /** Only keys after this one, in code point order; the empty string is the start. */
  readonly after: string
  readonly limit: number
}

/** Reads the newest event of each key. */
export interface SnapshotReader {
  /**
   * The newest event of each key of the selected topics, one bounded page at a time. After all pages, until `more`
   * is false, a reader has seen the newest event of every key as of the last page's `next`. (A key that changes
   * meanwhile moves behind the pages already read, so it is seen again, and never missed.)
   */
  read(query: Query): Promise<Page>
}

/** Knows the topics of the log. A log without it cannot end a topic: the hub rejects events that would. */
export interface TopicIndex {
  list(query: TopicQuery): Promise<readonly TopicSummary[]>

  /** For each topic, in order, the offset of the event that ended it. */
  ended(topics: readonly string[]): Promise<readonly (number | undefined)[]>
}

/**
 * Removes events: old ones by rules, or all events of a topic. A log without it keeps everything, or trims by its
 * own bounds.
 */
export interface Retention {
  /**
   * One small step of retention, by the first rule whose selector matches each topic. It is never long enough to
   * delay a publisher noticeably. Call it until `done`. Every node may call it, with the same rules: a call that
   * finds another node at work resolves with `{ removed: 0, done: true }`. Each event is removed, and counted, once.
   */
  trim(rules: readonly RetentionRule[], now: number): Promise<{ removed: number; done: boolean }>

  /** Removes every event of a topic, and its end. Resolves with false if the topic is not known. */
  purge(topic: string): Promise<boolean>
}

/** The state that the nodes of a log share besides events. */
export interface SharedState {
  /** 32 random bytes in base64url, minted with the log, the same on every node. They must never leave the nodes. */
  secret(): Promise<string>

  /**
   * Notes a key until a time, for all nodes of the log. Of all calls with the same key, on all nodes together, one
   * resolves with true, once the note is durable; the others resolve with false. A key that is noted again is noted
   * until the later of the two times. A note whose time is over has no effect, and the log removes it.
   */
  note(note: Note): Promise<boolean>

  /**
   * Reads notes whose time is not over, in code point order of their keys. It sees every note whose call resolved on
   * any node before this call. This is how nodes learn of each other's revocations.
   */
  notes(query: NoteQuery): Promise<readonly Note[]>
}

/**
 * An append-only, durable, totally ordered record of events: the one seam between the hub and storage.
 *
 * One log may be open on several nodes. This is the contract, which `@tailrace/log-suite` checks:
 *
 * - **Acknowledged means durable.** `append` resolves when the events, their keys, their idempotency records and the
 *   end of their topics would survive the death of this process, all in one commit. If it rejects, none of it is
 *   stored, and no tail reports it, unless the code is `outcome-unknown`.
 * - **A batch is atomic**: contiguous in the log, in order, all or none.
 * - **Read your writes.** `read` and `snapshots` see every event whose `append` resolved on this node before the
 *   call, every event that a tail of this node has reported, and every event up to the `newest` of a `describe` that
 *   resolved on this node. Beyond that, they may lag behind what other nodes appended. `describe` may not lag: it
 *   covers every `append` that resolved on any node before the call, so that a node recognizes the cursors of all
 *   others.
 * - **The tail is complete.** After `tail` has resolved, its listener receives every event after `Tail.after`, of
 *   every node, exactly once and in order. An event may arrive before or after its `append` resolves, so that an
 *   append need not wait for its own echo. A tail that was cut off, or stood still, for longer than the engine keeps
 *   events may miss those that were removed meanwhile: then it reports that as `lost`, before any later event.
 * - **Interruption is a state.** While the engine cannot be reached, tails are `interrupted` and calls reject with
 *   `unreachable` (or `outcome-unknown`); then tails are `resumed`. A tail that was not `interrupted` may lag, but
 *   not permanently.
 * - **Loss is visible.** Events removed by retention or a purge appear as `Page.lostThrough`, to readers of the
 *   topics that lost them. Only an engine that has completely forgotten a topic, because too many are gone, may show
 *   its loss to other readers. The same applies to events that the engine removes by its own bounds: the offset
 *   below its oldest event serves as both `lostThrough` and `losses`.
 *
 * Every method rejects with `closed` after `close`.
 *
 * The optional members are capabilities. A log either has one or not for as long as it is open. The hub rejects
 * requests that need a missing one (`unsupported`).
 */
export interface EventLog {
  append(batch: readonly NewEvent[]): Promise<readonly Appended[]>

  /**
   * Matching events after a position, one bounded page at a time. A call examines at most a few thousand rows: a
   * page ends early if matches are rare, with `more`. At the newest offset, nothing is examined. The cost of all
   * pages grows with the number of matches, or, for patterns under whose literal prefix there are many topics, with
   * the number of events stored after the position. It does not grow with the number of selectors times the number
   * of topics.
   */
  read(query: Query): Promise<Page>

  /** Resolves when the listener is attached. */
  tail(listener: TailListener): Promise<Tail>

  describe(): Promise<LogDescription>

  /** Resolves if the log can be written and read now. Rejects with the reason if it cannot. */
  ready(): Promise<void>

  /** Completes what was accepted, then releases everything. Safe to call twice, and while the engine cannot be reached. */
  close(): Promise<void>

  readonly snapshots?: SnapshotReader
  readonly topics?: TopicIndex
  readonly retention?: Retention
  readonly shared?: SharedState
}

/** The capabilities that a log may lack. */
export type Capability = 'snapshots' | 'topics' | 'retention' | 'shared'

/** A log with every capability. */
export type CompleteEventLog = Required<EventLog>
