import type { StoredEvent } from '@tailrace/log'
import { Budget } from './budget.ts'
import type { Counters } from './counters.ts'
import type { Dialect } from './dialect.ts'
import { Lane } from './lane.ts'
import type { LaneMember } from './lane.ts'
import type { LogReads } from './log-reads.ts'
import type { ResolvedHubOptions } from './options.ts'
import { Pacer } from './pacer.ts'
import { persistently } from './persistently.ts'
import type { Asker } from './read-queue.ts'
import { Router } from './route.ts'

/** The ends of topics are read again on behalf of all readers together. */
const LANES: Asker = { client: 'lanes', isGone: false }

type LaneLimits = Pick<
  ResolvedHubOptions,
  'windowBytes' | 'windowTotalBytes' | 'batchMs' | 'stallMs' | 'heartbeatMs'
>

/** What streams with the same selectors must also have in common to share frames. */
interface Writing {
  readonly dialect: Dialect
  readonly conflateMs: number
}

interface Entry {
  readonly key: string
  readonly lane: Lane
  readonly opened: Promise<void>
  /** How many calls are about to subscribe to it. */
  holders: number
}

/** The lanes of a hub. A lane exists from its first subscriber to its last. */
export class Lanes {
  readonly #log: Pick<LogReads, 'ended'>
  readonly #epoch: string
  readonly #windowBytes: number
  readonly #stallMs: number
  readonly #heartbeatMs: number
  readonly #lanes = new Map<string, Entry>()
  readonly #router = new Router<Lane>()
  readonly #pacer: Pacer
  readonly #budget: Budget
  readonly #counters: Counters
  /** The lanes that have something to hand out. */
  readonly #reached = new Set<Lane>()
  /** Lanes whose topics may have ended, or begun again, without their knowledge. */
  readonly #unsure = new Set<Lane>()
  #isFinding = false
  readonly #stopping = new AbortController()
  #head: number

  constructor(
    log: Pick<LogReads, 'ended'>,
    epoch: string,
    head: number,
    limits: LaneLimits,
    counters: Counters,
  ) {
    const { windowBytes, windowTotalBytes, batchMs, stallMs, heartbeatMs } = limits
    this.#pacer = new Pacer(batchMs)
    this.#budget = new Budget(windowTotalBytes)
    this.#counters = counters
    this.#log = log
    this.#epoch = epoch
    this.#head = head
    this.#windowBytes = windowBytes
    this.#stallMs = stallMs
    this.#heartbeatMs = heartbeatMs
  }

  /** The offset up to which every lane has been informed. */
  get head(): number {
    return this.#head
  }

  /** Skips to an offset from before the tail began. */
  advance(head: number): void {
    this.#head = Math.max(this.#head, head)
  }

  /** Passes an event to every lane that selects it. */
  push(event: StoredEvent): void {
    for (const lane of this.#router.match(event.topic)) {
      lane.push(event)
      this.#reached.add(lane)
    }
    this.#head = event.offset
  }

  /** Hands out what was pushed since the last call. */
  handOut(): void {
    if (this.#reached.size === 0) return
    this.#handOut(this.#reached)
    this.#reached.clear()
  }

  /** Skips to the last of these events without delivering them. Readers read them from the log. */
  skip(events: readonly StoredEvent[]): void {
    const last = events.at(-1)
    if (last === undefined) return
    for (const event of events) for (const lane of this.#router.named(event.topic)) lane.noteEnd(event)
    this.#skipTo(last.offset)
  }

  /** Skips to an offset, because nobody will push what is missing before it. Readers read the log, and learn of a loss. */
  lose(through: number): void {
    for (const lane of this.#skipTo(through)) this.#unsure.add(lane)
    if (!this.#isFinding) void this.#findEnds()
  }

  #skipTo(offset: number): readonly Lane[] {
    this.#head = Math.max(this.#head, offset)
    const lanes = Array.from(this.#lanes.values(), ({ lane }) => lane)
    for (const lane of lanes) lane.skipTo(this.#head)
    this.#pacer.add(lanes)
    return lanes
  }

  /** One lane at a time: there may be many. */
  async #findEnds(): Promise<void> {
    this.#isFinding = true
    for (const lane of this.#unsure) {
      this.#unsure.delete(lane)
      await persistently(
        () => lane.findEnds(this.#log, LANES),
        () => true,
        this.#stopping.signal,
      )
      if (this.#stopping.signal.aborted) return
      if (lane.hasEnded) this.#pacer.add([lane])
    }
    this.#isFinding = false
  }

  #handOut(lanes: Iterable<Lane>): void {
    const settled: Lane[] = []
    for (const lane of lanes) if (lane.settle()) settled.push(lane)
    this.#pacer.add(settled)
  }

  purged(topic: string): void {
    for (const lane of this.#router.match(topic)) lane.purged(topic, this.#head)
  }

  /** Finds or creates the lane of some selectors, and keeps it until `use` is done. After that, its subscribers keep it. */
  async with<T>(
    selectors: readonly string[],
    { dialect, conflateMs }: Writing,
    asker: Asker,
    use: (lane: Lane) => Promise<T>,
  ): Promise<T> {
    const key = JSON.stringify([dialect.key, conflateMs, selectors.toSorted()])
    const entry = this.#lanes.get(key) ?? this.#create(key, selectors, { dialect, conflateMs }, asker)
    entry.holders += 1
    try {
      await entry.opened
      return await use(entry.lane)
    } finally {
      entry.holders -= 1
      this.#removeIfUnused(entry)
    }
  }

  stop(): void {
    this.#stopping.abort()
    this.#pacer.stop()
    for (const { lane } of this.#lanes.values()) lane.stop()
  }

  *members(): Iterable<LaneMember> {
    for (const { lane } of this.#lanes.values()) yield* lane.members
  }

  #create(key: string, selectors: readonly string[], writing: Writing, asker: Asker): Entry {
    const facts = {
      selectors,
      ...writing,
      epoch: this.#epoch,
      head: this.#head,
      windowBytes: this.#windowBytes,
      stallMs: this.#stallMs,
      heartbeatMs: this.#heartbeatMs,
      counters: this.#counters,
      budget: this.#budget,
    }
    const lane = new Lane(facts, {
      empty: () => this.#removeIfUnused(entry),
      due: () => this.#handOut([lane]),
    })
    const entry: Entry = { key, lane, opened: lane.open(this.#log, asker), holders: 0 }
    this.#lanes.set(key, entry)
    // Before it is opened, so that it misses no event after its initial head.
    for (const selector of selectors) this.#router.add(selector, lane)
    return entry
  }

  #removeIfUnused({ key, lane, holders }: Entry): void {
    if (holders > 0 || lane.members.size > 0 || this.#lanes.get(key)?.lane !== lane) return
    this.#lanes.delete(key)
    lane.stop()
    this.#budget.remove(lane)
    for (const selector of lane.selectors) this.#router.remove(selector, lane)
  }
}
