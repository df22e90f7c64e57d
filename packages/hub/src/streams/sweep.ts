import { capabilityOf } from '@tailrace/log'
import type { EventLog, TopicSummary } from '@tailrace/log'
import type { LogReads } from '../log-reads.ts'
import { hasProducers } from './lease.ts'

/** A log with many topics is examined slowly: so many at a time, with a pause that grows with how many of them were read. */
const PAGE_TOPICS = 100
const TOPIC_PAUSE_MS = 10
const MIN_PAUSE_MS = 50
/** How long a log is searched after the last stream was opened, in milliseconds: longer than any topic is kept. */
const IN_USE_MS = 32 * 24 * 60 * 60 * 1000
/** How often that is noted, in milliseconds. */
const NOTE_EVERY_MS = 60 * 60 * 1000

const IN_USE = 'streams/in-use'

export interface SweepOptions {
  readonly log: EventLog
  readonly reads: Pick<LogReads, 'topics'>
  readonly everyMs: number
  /** Called with each topic that may be an unknown stream. */
  found(topic: TopicSummary): Promise<void>
  report(error: unknown): void
}

/**
 * Searches the log for streams that no running hub has seen, since they were opened or ended while it was not running.
 * A hub that starts looks at once for those without an end, if another hub has produced streams within the last hour: they
 * may have readers. One hub looks for all others, now and then, and only if the log was ever used for streams.
 */
export class Sweep {
  readonly #options: SweepOptions
  #notedAt = Number.NEGATIVE_INFINITY
  #timer: ReturnType<typeof setInterval> | undefined
  /** How often this hub may have missed an opening, and how many of these times it has made up for. */
  #misses = 0
  #madeUp = 0
  #isSearching = false
  #isStopped = false

  constructor(options: SweepOptions) {
    this.#options = options
  }

  start(): void {
    const { log, everyMs } = this.#options
    if (log.shared === undefined || log.topics === undefined) return
    this.#timer = setInterval(() => void this.#search(), everyMs)
    this.missed()
  }

  /** Openings may have been missed. */
  missed(): void {
    this.#misses += 1
    void this.#search()
  }

  /** The log can be reached again. */
  resumed(): void {
    if (this.#madeUp < this.#misses) void this.#search()
  }

  /** Notes that the log is used for streams. @throws LogError */
  async noteUse(): Promise<void> {
    const now = performance.now()
    if (now - this.#notedAt < NOTE_EVERY_MS) return
    await capabilityOf(this.#options.log, 'shared').note({ key: IN_USE, until: Date.now() + IN_USE_MS })
    this.#notedAt = now
  }

  stop(): void {
    this.#isStopped = true
    clearInterval(this.#timer)
  }

  async #search(): Promise<void> {
    if (this.#timer === undefined || this.#isStopped || this.#isSearching) return
    this.#isSearching = true
    try {
      do {
        const misses = this.#misses
        const hasMissed =
          this.#madeUp < misses && (await hasProducers(capabilityOf(this.#options.log, 'shared')))
        if (hasMissed) await this.#examine(({ ended }) => !ended)
        this.#madeUp = misses
        if (await this.#isDue()) await this.#examine(() => true)
      } while (this.#madeUp < this.#misses && !this.#isStopped)
    } catch (error) {
      this.#options.report(error)
    } finally {
      this.#isSearching = false
    }
  }

  async #examine(isWanted: (topic: TopicSummary) => boolean): Promise<void> {
    const { reads, found } = this.#options
    for (let after = ''; !this.#isStopped;) {
      const page = await reads.topics({ prefix: '', after, limit: PAGE_TOPICS })
      const wanted = page.filter(isWanted)
      for (const topic of wanted) if (!this.#isStopped) await found(topic)
      if (page.length < PAGE_TOPICS) return
      after = page.at(-1)!.topic
      const pauseMs = Math.max(MIN_PAUSE_MS, wanted.length * TOPIC_PAUSE_MS)
      await new Promise((resolve) => setTimeout(resolve, pauseMs).unref())
    }
  }

  /** Whether the log is used for streams, and no other hub has searched it recently. */
  async #isDue(): Promise<boolean> {
    const { log, everyMs } = this.#options
    const shared = capabilityOf(log, 'shared')
    const [inUse] = await shared.notes({ prefix: IN_USE, after: '', limit: 1 })
    if (inUse === undefined) return false
    const now = Date.now()
    return shared.note({ key: `streams/sweep/${Math.floor(now / everyMs)}`, until: now + 2 * everyMs })
  }
}
