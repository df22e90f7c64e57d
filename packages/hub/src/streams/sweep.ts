import { capabilityOf } from '@tailrace/log'
import type { EventLog, TopicSummary } from '@tailrace/log'
import type { LogReads } from '../log-reads.ts'

/** Topics examined at a time, and the pause after them: a log with many is examined slowly. */
const PAGE_TOPICS = 100
const PAGE_PAUSE_MS = 1_000
/** How long a log is searched after the last stream was opened, in milliseconds: longer than any topic is kept. */
const IN_USE_MS = 32 * 24 * 60 * 60 * 1000
/** How often that is noted, in milliseconds. */
const NOTE_EVERY_MS = 60 * 60 * 1000

const IN_USE = 'streams/in-use'

export interface SweepOptions {
  readonly log: EventLog
  readonly reads: Pick<LogReads, 'topics'>
  readonly everyMs: number
  /** Called with each topic. */
  found(topic: TopicSummary): Promise<void>
  report(error: unknown): void
}

/**
 * Searches the log for streams that no running hub has seen, since they were opened or ended while it was not running.
 * One hub does this for all, and only if the log was ever used for streams.
 */
export class Sweep {
  readonly #options: SweepOptions
  #notedAt = Number.NEGATIVE_INFINITY
  #timer: ReturnType<typeof setInterval> | undefined
  #isSearching = false
  #isStopped = false

  constructor(options: SweepOptions) {
    this.#options = options
  }

  start(): void {
    const { log, everyMs } = this.#options
    if (log.shared === undefined || log.topics === undefined) return
    this.#timer = setInterval(() => void this.#search(), everyMs)
    void this.#search()
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
    if (this.#isSearching) return
    this.#isSearching = true
    try {
      if (await this.#isDue()) await this.#examineAll()
    } catch (error) {
      this.#options.report(error)
    } finally {
      this.#isSearching = false
    }
  }

  async #examineAll(): Promise<void> {
    const { reads, found } = this.#options
    for (let after = ''; !this.#isStopped;) {
      const page = await reads.topics({ prefix: '', after, limit: PAGE_TOPICS })
      for (const topic of page) if (!this.#isStopped) await found(topic)
      if (page.length < PAGE_TOPICS) return
      after = page.at(-1)!.topic
      await new Promise((resolve) => setTimeout(resolve, PAGE_PAUSE_MS).unref())
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
