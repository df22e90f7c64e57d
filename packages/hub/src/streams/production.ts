import { capabilityOf, formatCursor, isPassing, LogError } from '@tailrace/log'
import type { StoredEvent } from '@tailrace/log'
import { keepTrying, within } from '@tailrace/log/adapter'
import { checkBatch } from '../check-batch.ts'
import { HubError } from '../errors.ts'
import { ReportRate } from '../report-rate.ts'
import { endStream, overBy } from './end.ts'
import { StreamFailure } from './failure.ts'
import { findLogged } from './find.ts'
import { Lease } from './lease.ts'
import { assertUnused, openStream, streamExists } from './open.ts'
import type { StreamsOptions } from './options.ts'
import { Writer } from './writer.ts'
import type { WriterHost } from './writer.ts'
import { WritingMemory } from './writing-memory.ts'

/** Streams that one hub produces at a time. */
const MAX_PRODUCED = 10_000
/** The longest pause between two attempts to end a stream, in milliseconds. */
const MAX_PAUSE_MS = 1_000
/** Keys are compared as text, so all have the same number of digits. */
const FIRST_KEY = 10 ** 12
/** How long a hub that closes waits for the log to store that its streams have failed, in milliseconds. */
const CLOSE_MS = 2_000

export interface ProductionOptions extends StreamsOptions {
  /** Identifies this hub in the streams that it produces. */
  readonly producer: string
  /** Aborted when nothing can be stored any more, or the hub is closing. */
  readonly signal: AbortSignal
  /** Notes that the log is used for streams. */
  noteUse(): Promise<void>
  /** Called with failures of work that nobody waits for. */
  failed(error: unknown): void
  /** Whether a topic is known to be in use by an open stream. */
  isOpen(topic: string): boolean
}

/** The streams that this hub produces. */
export class Production {
  readonly #options: ProductionOptions
  readonly #host: WriterHost
  /** By topic. */
  readonly #writers = new Map<string, Writer>()
  /** Events that its streams have written. */
  #written = 0
  readonly #lease: Lease
  readonly #delays = new ReportRate()

  constructor(options: ProductionOptions) {
    const { log, settings, terms, producer, view } = options
    this.#options = options
    this.#lease = new Lease(log, producer, terms.leaseMs, options.failed)
    this.#host = {
      limits: settings,
      memory: new WritingMemory(),
      append: options.append,
      report: options.report,
      canRetry: (error) => isPassing(error) || (options.isInterrupted() && !isOver(error)),
      delayed: (error) => this.#delayed(error),
      check: (event) => checkBatch([event], settings),
      cursor: (offset) => formatCursor(view.epoch, offset),
      nextKey: () => this.#nextKey(),
      explain: (topic) => this.#explain(topic),
      closed: (writer, failure) => this.#closed(writer, failure),
    }
  }

  get topics(): Iterable<string> {
    return this.#writers.keys()
  }

  open(topic: string, ttlMs: number, signal: AbortSignal | undefined): Writer {
    const refusal = this.#refusalOf(topic)
    const open = async (): Promise<number> => {
      if (refusal !== undefined) throw refusal
      return this.#open(topic, ttlMs)
    }
    const writer = new Writer(topic, this.#host, open, signal)
    if (refusal === undefined) this.#writers.set(topic, writer)
    return writer
  }

  /** Resolves when it is known whether a stream of this hub has begun on a topic. */
  async opened(topic: string): Promise<void> {
    await this.#writers.get(topic)?.opened.catch(() => undefined)
  }

  sawEnd(last: StoredEvent): void {
    const writer = this.#writers.get(last.topic)
    writer?.ifBegunBy(last.offset, () => writer.sawEnd(overBy(last, this.#options.view.epoch)))
  }

  purged(topic: string, through: number): void {
    const writer = this.#writers.get(topic)
    if (writer === undefined) return
    const details = { topic, state: 'purged' }
    const reason = new HubError('stream-over', `The topic ${topic} was purged.`, { details })
    writer.ifBegunBy(through, () => {
      this.#purgeRest(topic, through, writer.lose(reason)).catch(this.#options.failed)
    })
  }

  /** The log can be reached again: others must see that this hub is alive. */
  resumed(): void {
    this.#lease.renew()
  }

  /** Ends all streams with an error that their readers see, if the log can store it in time. */
  async close(reason: HubError): Promise<void> {
    const failure = new StreamFailure('producer-lost', 'The producer of this stream was shut down.')
    const ends = Array.from(this.#writers.values(), (writer) => writer.breakOff(failure, reason))
    const ended = Promise.allSettled(ends)
    if (ends.length > 0 && !this.#options.isInterrupted()) await within(CLOSE_MS, ended, () => undefined)
  }

  /** The log is gone: nothing can be stored in it any more. */
  lose(reason: Error): void {
    for (const writer of this.#writers.values()) void writer.lose(reason)
  }

  stop(): void {
    this.#lease.stop()
  }

  /** The keys of all streams follow each other, because SQLite stores those next to each other at a fraction of the cost. */
  #nextKey(): string {
    this.#written += 1
    return `${this.#options.producer}.${FIRST_KEY + this.#written}`
  }

  #refusalOf(topic: string): Error | undefined {
    try {
      for (const needed of ['topics', 'shared'] as const) capabilityOf(this.#options.log, needed)
    } catch (error) {
      return error as LogError
    }
    if (this.#options.signal.aborted) return new HubError('closed', 'The hub is closed.')
    if (this.#writers.has(topic)) return streamExists(topic)
    if (this.#writers.size < MAX_PRODUCED) return undefined
    const message = `This hub already produces ${MAX_PRODUCED} streams: try again later.`
    return new HubError('busy', message, { details: { limit: 'streams', max: MAX_PRODUCED } })
  }

  async #open(topic: string, ttlMs: number): Promise<number> {
    const { append, noteUse, producer, signal } = this.#options
    this.#lease.hold()
    await Promise.all([assertUnused(this.#options, topic), noteUse()])
    const opened = openStream(topic, { producer, ttlMs }, { log: this.#options, append, signal })
    // Others wait for the term of a lease before they miss it: the first token need not wait for this commit as well.
    this.#lease.refresh()
    return opened
  }

  /** What was on its way when the topic was purged must not stay there, unless the topic is in use again. */
  async #purgeRest(topic: string, through: number, stored: Promise<number>): Promise<void> {
    const { log, isOpen } = this.#options
    const isLeft = (await stored) > through
    if (isLeft && !isOpen(topic)) await log.retention?.purge(topic)
  }

  #closed(writer: Writer, failure: StreamFailure | undefined): void {
    const { topic } = writer
    if (this.#writers.get(topic) === writer) {
      this.#writers.delete(topic)
      this.#lease.release()
    }
    if (failure === undefined) return
    const { append, signal } = this.#options
    const end = (): Promise<boolean> => endStream(topic, failure, append)
    void keepTrying(end, { maxPauseMs: MAX_PAUSE_MS, signal, failed() {} })
  }

  /** Their producers wait, and would not know why. Everything else that passes is short, or an interruption. */
  #delayed(error: unknown): void {
    const isNoRoom = LogError.is(error) && (error.code === 'full' || error.code === 'unwritable')
    if (isNoRoom && this.#delays.take('no-room')) this.#options.failed(error)
  }

  async #explain(topic: string): Promise<HubError> {
    const found = await findLogged(this.#options, topic).catch(() => undefined)
    if (found?.last !== undefined) return overBy(found.last, this.#options.view.epoch)
    return new HubError('stream-over', `The topic ${topic} has ended.`, { details: { topic } })
  }
}

/** Errors after which the log never stores anything more. */
function isOver(error: unknown): boolean {
  return LogError.is(error) && (error.code === 'closed' || error.code === 'topic-ended')
}
