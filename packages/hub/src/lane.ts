import { isPattern } from '@tailrace/log'
import type { StoredEvent } from '@tailrace/log'
import type { Budget, Holder } from './budget.ts'
import { Conflation } from './conflation.ts'
import type { Connection } from './connection.ts'
import type { ContentCoding, SharedCoding } from './content-coding.ts'
import type { CloseReason, Counters } from './counters.ts'
import type { Dialect } from './dialect.ts'
import type { LogReads } from './log-reads.ts'
import type { LogView } from './log-view.ts'
import type { Asker } from './read-queue.ts'
import { Replay } from './replay.ts'
import type { View } from './step.ts'
import type { Sink } from './sink.ts'
import { Window } from './window.ts'

/** Two events may arrive close together by chance. If more arrive at once, the lane is likely to receive even more. */
const MAX_SINGLE_EVENTS = 2
/** The same applies to passes that follow one another more closely than their writes take. */
const MAX_CLOSE_PASSES = 2
/** What one write takes at least, in milliseconds: a system call. */
const WRITE_MS = 0.005

/** The interface of a subscriber for its lane and its hub. */
export interface LaneMember {
  /** The window has new frames. */
  pump(): void
  /** It may be possible to reach the log again. */
  retry(): void
  heartbeat(): void
  cutIfStalled(now: number): void
  close(reason: CloseReason, lastWords?: (dialect: Dialect) => Uint8Array): void
  describe(): Connection
}

/** The facts about its hub that a lane needs. */
export interface LaneFacts {
  readonly selectors: readonly string[]
  readonly dialect: Dialect
  /** Only the newest event of each key is sent, at most once in this many milliseconds; 0 sends every event. */
  readonly conflateMs: number
  readonly epoch: string
  /** The head of the log when the lane begins. */
  readonly head: number
  readonly windowBytes: number
  /** How long a member may accept nothing, in milliseconds. */
  readonly stallMs: number
  /** The longest silence of a member's stream, in milliseconds; 0 means unlimited. */
  readonly heartbeatMs: number
  readonly counters: Counters
  /** Bounds the memory of all lanes together. */
  readonly budget: Budget
}

/** The notifications of a lane to its hub. */
export interface LaneListener {
  /** The last member has left. */
  empty(): void
  /** Events that it has held back are due. */
  due(): void
}

/**
 * All subscribers with the same selectors and the same dialect. Each event is encoded here, once,
 * and its bytes are shared by all of them (invariant 5).
 */
export class Lane implements Holder {
  readonly selectors: readonly string[]
  readonly dialect: Dialect
  readonly window: Window
  readonly counters: Counters
  readonly stallMs: number
  readonly heartbeatMs: number
  readonly budget: Budget
  readonly replay: Replay
  readonly members: Set<LaneMember> = new Set()
  readonly #epoch: string
  readonly #listener: LaneListener
  readonly #conflation: Conflation | undefined
  /** One for each coding that members have asked for: usually one, or none. */
  readonly #codings = new Map<ContentCoding, SharedCoding>()
  /** When it had last handed out everything, by the pacer's clock. */
  flushedAt = 0
  /** Single events would have been too many writes then. Never with one member, for which waiting saves little. */
  isBusy = false
  #passStart = 0
  /** How many passes in a row began too soon after the one before. */
  #closePasses = 0
  /** How much has arrived since the current pass began. */
  newsBytes = 0
  #newsEvents = 0
  /** When the oldest of these events was stored. */
  #newsTime = 0
  #pass: Iterator<LaneMember> | undefined
  /** When the oldest event of the current pass was stored. Undefined without members, or if it was held back on purpose. */
  #passTime: number | undefined
  /** Where each selected topic ended. Only a lane without patterns can end. */
  readonly #ends = new Map<string, number>()
  readonly #canEnd: boolean
  #purges = 0

  constructor(facts: LaneFacts, listener: LaneListener) {
    const { selectors, dialect, conflateMs, epoch, windowBytes } = facts
    this.selectors = selectors
    this.dialect = dialect
    this.window = new Window(facts.head, windowBytes)
    this.counters = facts.counters
    this.stallMs = facts.stallMs
    this.heartbeatMs = facts.heartbeatMs
    this.budget = facts.budget
    this.replay = new Replay(selectors, dialect, conflateMs > 0, epoch, () => this.#held())
    this.#epoch = epoch
    this.#listener = listener
    this.#canEnd = !selectors.some(isPattern)
    if (conflateMs > 0) this.#conflation = new Conflation(conflateMs, windowBytes, () => listener.due())
  }

  /** Finds out which of its topics had ended before the lane existed. */
  async open(log: Pick<LogReads, 'ended'>, asker: Asker): Promise<void> {
    if (!this.#canEnd) return
    const purges = this.#purges
    const ends = await log.ended(this.selectors, asker)
    if (purges !== this.#purges) return this.open(log, asker)
    for (const [i, offset] of ends.entries())
      if (offset !== undefined) this.#ends.set(this.selectors[i]!, offset)
  }

  /** Finds out which of its topics have ended by events that it did not receive, or have begun again. */
  async findEnds(log: Pick<LogReads, 'ended'>, asker: Asker): Promise<void> {
    this.#ends.clear()
    await this.open(log, asker)
    // Members may have something to do, although no frame was pushed.
    if (this.hasEnded) this.newsBytes += 1
  }

  push(event: StoredEvent): void {
    if (this.#conflation === undefined) this.#append(event)
    else this.#conflation.add(event)
    this.#held()
  }

  /** Releases what was held back, if it is due. @returns whether its members may have something to do */
  settle(): boolean {
    if (this.#conflation === undefined) return true
    const due = this.#conflation.takeIfDue()
    for (const event of due ?? []) this.#append(event)
    return due !== undefined
  }

  #append(event: StoredEvent): void {
    const { offset } = event
    const bytes = this.dialect.frame(event, { epoch: this.#epoch, offset })
    this.window.push({ offset, bytes })
    // Members move past a hidden event as well: it may be the end of its topic.
    this.newsBytes += Math.max(bytes.length, 1)
    if (this.#newsEvents === 0) this.#newsTime = event.time
    this.#newsEvents += 1
    this.noteEnd(event)
  }

  /** Records whether a selected topic has ended, from an event of it. */
  noteEnd({ end, topic, offset }: StoredEvent): void {
    if (!this.#canEnd) return
    if (end) this.#ends.set(topic, offset)
    // Retention removed the end of the topic, and the topic began again.
    else if (this.#ends.size > 0) this.#ends.delete(topic)
  }

  /** The offset up to which nothing is held back, if the log reaches up to `head`. */
  settled(head: number): number {
    const oldest = this.#conflation?.oldest
    return oldest === undefined ? head : Math.min(head, oldest - 1)
  }

  /**
   * Hands out what was pushed to a limited number of members. The next call continues with the others.
   *
   * @returns how many more members it could have served; 0 if it may not be done
   */
  flush(limit: number): number {
    if (this.#pass === undefined) {
      this.isBusy = this.#areTooMany() && this.members.size > 1
      // Decided now: the members that receive the end of their topics leave during the pass.
      const isTimed = this.#newsEvents > 0 && this.members.size > 0 && this.#conflation === undefined
      this.#passTime = isTimed ? this.#newsTime : undefined
      this.newsBytes = 0
      this.#newsEvents = 0
      this.#pass = this.members.values()
    }
    for (let left = limit; left > 0; left -= 1) {
      const { value, done } = this.#pass.next()
      if (done === true) {
        this.#pass = undefined
        this.#noteLag()
        return left
      }
      value.pump()
    }
    return 0
  }

  /** Whether events arrive faster than they can be written one by one. Called once for each pass. */
  #areTooMany(): boolean {
    const now = performance.now()
    const isClose = now - this.#passStart < this.members.size * WRITE_MS
    this.#closePasses = isClose ? this.#closePasses + 1 : 0
    this.#passStart = now
    return this.#newsEvents > MAX_SINGLE_EVENTS || this.#closePasses > MAX_CLOSE_PASSES
  }

  #noteLag(): void {
    if (this.#passTime === undefined) return
    // Clocks jump, and the clocks of other nodes differ.
    this.counters.lagSeconds.observe(Math.max(0, Date.now() - this.#passTime) / 1000)
  }

  /** Purged events must not be delivered from memory either. */
  purged(topic: string, head: number): void {
    this.#purges += 1
    this.#conflation?.purged(topic)
    this.#ends.delete(topic)
    this.window.clear(this.settled(head))
    this.replay.purged()
    this.#held()
  }

  /** A sink for a member whose stream has this coding. */
  encode(sink: Sink, coding: ContentCoding): Sink {
    const shared = this.#codings.get(coding) ?? coding.open(() => this.#held())
    this.#codings.set(coding, shared)
    return shared.encode(sink)
  }

  leave(member: LaneMember): void {
    this.members.delete(member)
    if (this.members.size === 0) this.#listener.empty()
  }

  stop(): void {
    this.#conflation?.stop()
    this.replay.forget()
  }

  #held(): void {
    this.budget.update(this)
  }

  get heldBytes(): number {
    let bytes = this.window.heldBytes + this.replay.heldBytes + (this.#conflation?.heldBytes ?? 0)
    for (const coding of this.#codings.values()) bytes += coding.heldBytes
    return bytes
  }

  /** Members replay whatever they still need. */
  evict(): void {
    let { tip } = this.window
    for (const event of this.#conflation?.take() ?? []) {
      this.noteEnd(event)
      tip = event.offset
      // Causes another pass after the current one, because members that it has already served must replay this event.
      this.newsBytes += event.data.length + 1
    }
    this.window.clear(tip)
    this.replay.forget()
    for (const coding of this.#codings.values()) coding.evict()
  }

  /** Skips to an offset. Members replay whatever they need up to it. */
  skipTo(offset: number): void {
    this.evict()
    this.window.clear(offset)
    // Members have something to do, although no frame was pushed.
    this.newsBytes += 1
  }

  /** Every selected topic has ended. */
  get hasEnded(): boolean {
    return this.#canEnd && this.#ends.size === this.selectors.length
  }

  /** The topic that ended last, and where, once every selected topic has ended. */
  get end(): { topic: string; offset: number } | undefined {
    if (!this.hasEnded) return undefined
    const [topic, offset] = [...this.#ends].reduce((last, end) => (end[1] > last[1] ? end : last))
    return { topic, offset }
  }

  /**
   * Whether a reader at this offset has received everything that there will ever be: every selected topic has ended, and
   * the dialect hides what follows.
   */
  async isOverAt(offset: number, log: LogView, asker: Asker): Promise<boolean> {
    const { end } = this
    if (end === undefined || offset >= end.offset) return end !== undefined
    // The reader needs this page anyway, and the lane remembers it.
    const { lostThrough, next, frames } = await this.replay.page(log, { offset, partial: undefined }, asker)
    return lostThrough <= offset && next >= end.offset && frames.every(({ bytes }) => bytes.length === 0)
  }

  get view(): View {
    return { start: this.window.start, tip: this.window.tip, endsAt: this.end?.offset }
  }
}
