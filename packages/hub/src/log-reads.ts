import { capabilityOf, LogError } from '@tailrace/log'
import type { EventLog, LogDescription, Page, Query, TopicQuery, TopicSummary } from '@tailrace/log'
import type { Counters } from './counters.ts'
import type { Asker, ReadQueue } from './read-queue.ts'

/** The longest retry time that a reader of a damaged part of the log receives, in milliseconds. */
const MAX_DAMAGE_RETRY_MS = 60_000
/** Lists of topics are read on behalf of all clients together. */
const LISTING: Asker = { client: 'topics', isGone: false }

type Kind = 'read' | 'snapshot'

/** A page that cannot be read because the log is damaged there. */
interface Damage {
  readonly kind: Kind
  readonly query: Query
  readonly since: number
}

/** All reads of the log on this node: in turns, in slices, and with each failure reported. */
export class LogReads {
  readonly #log: EventLog
  readonly #queue: ReadQueue
  readonly #counters: Counters
  readonly #onError: (error: unknown) => void
  #damage: Damage | undefined

  /** @param onError called with each failure; with damage, once */
  constructor(log: EventLog, queue: ReadQueue, counters: Counters, onError: (error: unknown) => void) {
    this.#log = log
    this.#queue = queue
    this.#counters = counters
    this.#onError = onError
  }

  /** Reads a page that is empty only if there is nothing more. It is read in slices, and others take their turns in between. */
  read(query: Query, asker: Asker): Promise<Page> {
    return this.#page('read', query, asker)
  }

  snapshot(query: Query, asker: Asker): Promise<Page> {
    return this.#page('snapshot', query, asker)
  }

  describe(asker: Asker): Promise<LogDescription> {
    return this.#inTurn(asker, () => this.#log.describe())
  }

  /** Where topics have ended. In a log that does not know its topics, no topic ends. */
  async ended(topics: readonly string[], asker: Asker): Promise<readonly (number | undefined)[]> {
    const index = this.#log.topics
    return index === undefined ? [] : this.#inTurn(asker, () => index.ended(topics))
  }

  async topics(query: TopicQuery): Promise<readonly TopicSummary[]> {
    return this.#inTurn(LISTING, () => capabilityOf(this.#log, 'topics').list(query))
  }

  /** Rejects while a page that was found to be damaged cannot be read. */
  async assertSound(): Promise<void> {
    if (this.#damage === undefined) return
    const { kind, query } = this.#damage
    await this.#ask(kind, query)
    this.#damage = undefined
  }

  /** The retry time of a reader that could not be served, in milliseconds. It grows while the log is damaged. */
  retryMs(usualMs: number): number {
    if (this.#damage === undefined) return usualMs
    return Math.max(usualMs, Math.min(performance.now() - this.#damage.since, MAX_DAMAGE_RETRY_MS))
  }

  async #page(kind: Kind, query: Query, asker: Asker): Promise<Page> {
    for (let { after } = query; ;) {
      const slice = { ...query, after }
      const page = await this.#inTurn(asker, () => this.#slice(kind, slice))
      if (page.events.length > 0 || !page.more || asker.isGone) return page
      after = page.next
    }
  }

  async #ask(kind: Kind, query: Query): Promise<Page> {
    return kind === 'read' ? this.#log.read(query) : capabilityOf(this.#log, 'snapshots').read(query)
  }

  #inTurn<T>(asker: Asker, read: () => Promise<T>): Promise<T> {
    return this.#queue.run(
      asker.client,
      () => asker.isGone,
      () => {
        asker.requireRoom?.()
        return read()
      },
    )
  }

  /** Callers learn only that a stream is over; the operator must learn why. */
  async #slice(kind: Kind, query: Query): Promise<Page> {
    this.#counters.logReads += 1
    try {
      return await this.#ask(kind, query)
    } catch (error) {
      const isDamaged = LogError.is(error) && error.code === 'corrupt'
      if (!isDamaged || this.#damage === undefined) this.#onError(error)
      if (isDamaged) this.#damage ??= { kind, query, since: performance.now() }
      throw error
    }
  }
}
