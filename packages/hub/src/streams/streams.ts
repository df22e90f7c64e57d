import { capabilityOf, formatCursor, isPassing, LogError, parseTopic } from '@tailrace/log'
import type { Appended, EventLog, NewEvent, StoredEvent, TopicSummary } from '@tailrace/log'
import { keepTrying, mintEpoch } from '@tailrace/log/adapter'
import { checkBatch } from '../check-batch.ts'
import { HubError } from '../errors.ts'
import type { ResolvedHubOptions } from '../options.ts'
import { StreamFailure } from './failure.ts'
import { Expiry } from './expiry.ts'
import { findLogged, firstAndLast, firstOf, lastOfEnded, stateAfter } from './find.ts'
import type { LoggedStream, StreamLog } from './find.ts'
import { Lease } from './lease.ts'
import { assertUnused, openStream, streamExists } from './open.ts'
import { failedRecord, openingOf, STREAM_OPENED } from './records.ts'
import type { Opening } from './records.ts'
import type { FoundStream, StreamOptions, StreamWriter } from './stream-writer.ts'
import { Sweep } from './sweep.ts'
import type { StreamTerms } from './terms.ts'
import { Watch } from './watch.ts'
import { Writer } from './writer.ts'
import type { WriterHost } from './writer.ts'
import { WritingMemory } from './writing-memory.ts'

const DEFAULT_TTL_MS = 24 * 60 * 60 * 1000
const MAX_TTL_MS = 30 * DEFAULT_TTL_MS
/** Streams that one hub produces at a time. */
const MAX_PRODUCED = 10_000
/** The longest pause between two attempts to end a stream, in milliseconds. */
const MAX_PAUSE_MS = 1_000
/** Keys are compared as text, so all have the same number of digits. */
const FIRST_KEY = 10 ** 12
/** How long a hub that closes waits for the log to store that its streams have failed, in milliseconds. */
const CLOSE_MS = 2_000

/** How often it is reported that streams wait for a log that has no room, in milliseconds. */
const DELAY_REPORT_MS = 30_000

export interface StreamsOptions extends StreamLog {
  readonly log: EventLog
  readonly settings: ResolvedHubOptions
  readonly terms: StreamTerms
  /** Stores events that were checked. */
  append(batch: readonly NewEvent[]): Promise<readonly Appended[]>
  isInterrupted(): boolean
  /** Called with failures that are not reported to any caller. */
  report(error: unknown): void
}

/** The one-off streams of a log, of one epoch: those that this hub produces, and those that others do. */
export class Streams {
  readonly #options: StreamsOptions
  readonly #host: WriterHost
  /** Identifies this hub in the streams that it produces. */
  readonly #producer: string = mintEpoch()
  /** By topic. */
  readonly #writers = new Map<string, Writer>()
  /** Events that its streams have written. */
  #written = 0
  readonly #closing = new AbortController()
  readonly #lease: Lease
  readonly #watch: Watch
  readonly #expiry: Expiry
  readonly #sweep: Sweep
  #delayReportedAt = Number.NEGATIVE_INFINITY

  constructor(options: StreamsOptions) {
    const { log, reads, settings, view, terms } = options
    const report = (error: unknown): void => this.#report(error)
    this.#options = options
    this.#lease = new Lease(log, this.#producer, terms.leaseMs, report)
    this.#watch = new Watch({
      log,
      self: this.#producer,
      leaseMs: terms.leaseMs,
      endOrphan: (topic, producer, isCertain) => this.#endOrphan(topic, producer, isCertain),
      report,
    })
    this.#expiry = new Expiry(log, terms.expiryMs, report)
    this.#sweep = new Sweep({
      log,
      reads,
      everyMs: terms.sweepMs,
      found: (topic) => this.#swept(topic),
      report,
    })
    const { epoch } = view
    this.#host = {
      limits: settings,
      memory: new WritingMemory(),
      append: options.append,
      report: options.report,
      canRetry: (error) => isPassing(error) || (options.isInterrupted() && !isOver(error)),
      delayed: (error) => this.#delayed(error),
      check: (event) => checkBatch([event], settings),
      cursor: (offset) => formatCursor(epoch, offset),
      nextKey: () => this.#nextKey(),
      explain: (topic) => this.#explain(topic),
      closed: (writer, failure) => this.#closed(writer, failure),
    }
  }

  /** Begins to look for streams that this hub, or no running hub, has seen. */
  start(): void {
    this.#sweep.start()
  }

  stop(): void {
    for (const part of [this.#lease, this.#watch, this.#expiry, this.#sweep]) part.stop()
  }

  /** @throws HubError `invalid-topic`; RangeError if an option is out of its bounds */
  open(topic: string, { ttlMs = DEFAULT_TTL_MS, signal }: StreamOptions = {}): StreamWriter {
    assertTopic(topic)
    if (!(typeof ttlMs === 'number' && ttlMs >= 0 && ttlMs <= MAX_TTL_MS)) {
      throw new RangeError(`\`ttlMs\` must be a number from 0 to ${MAX_TTL_MS}, got ${String(ttlMs)}`)
    }
    // Otherwise, the stream would be opened, and nobody could write to it.
    if (signal !== undefined && typeof (signal as Partial<AbortSignal>).addEventListener !== 'function')
      throw new TypeError('`signal` must be an AbortSignal')
    const refusal = this.#refusalOf(topic)
    const open = async (): Promise<number> => {
      if (refusal !== undefined) throw refusal
      return this.#open(topic, ttlMs)
    }
    const writer = new Writer(topic, this.#host, open, signal)
    if (refusal === undefined) this.#writers.set(topic, writer)
    return writer
  }

  async find(topic: string): Promise<FoundStream | undefined> {
    assertTopic(topic)
    await this.#writers.get(topic)?.opened.catch(() => undefined)
    const found = await this.#look(topic)
    // Retention may have removed the event by which a stream is recognized.
    if (found === undefined && !this.#watch.has(topic)) return undefined
    const { epoch } = this.#options.view
    return { topic, start: formatCursor(epoch, found?.start ?? 0), ...stateAfter(found?.last, epoch) }
  }

  /** @returns whether this call ended the stream @throws HubError `unknown-stream` */
  async cancel(topic: string): Promise<boolean> {
    const found = await this.find(topic)
    if (found === undefined) {
      throw new HubError('unknown-stream', `The topic ${topic} is not a stream.`, { details: { topic } })
    }
    if (found.state !== 'open') return false
    return this.#end(topic, new StreamFailure('cancelled', 'The stream was cancelled.'))
  }

  /** Called with everything that the log commits, before any reader receives it. */
  saw(events: readonly StoredEvent[]): void {
    for (const event of events) {
      if (event.end) this.#sawEnd(event)
      else if (event.type === STREAM_OPENED) this.#sawOpening(event)
    }
    this.#expiry.witness(events.at(-1)!.time)
  }

  purged(topic: string, through: number): void {
    this.#watch.remove(topic)
    this.#expiry.remove(topic)
    const writer = this.#writers.get(topic)
    if (writer === undefined) return
    const details = { topic, state: 'purged' }
    const reason = new HubError('stream-over', `The topic ${topic} was purged.`, { details })
    writer.ifBegunBy(through, () => {
      this.#purgeRest(topic, through, writer.lose(reason)).catch((error: unknown) => this.#report(error))
    })
  }

  /** The tail has missed something, for example openings and ends of streams. */
  async missed(): Promise<void> {
    this.#watch.doubt()
    this.#sweep.missed()
    try {
      const topics = new Set([...this.#writers.keys(), ...this.#watch.topics])
      for await (const last of lastOfEnded(this.#options, [...topics])) this.#sawEnd(last)
    } catch (error) {
      this.#report(error)
    }
  }

  /** The log can be reached again. */
  resumed(): void {
    this.#lease.renew()
    this.#sweep.resumed()
  }

  /** The log is gone: nothing can be stored in it any more. */
  lose(reason: Error): void {
    this.#closing.abort()
    this.stop()
    for (const writer of this.#writers.values()) void writer.lose(reason)
  }

  /** Ends the streams that this hub produces, with an error that their readers see, if the log can store it in time. */
  async close(): Promise<void> {
    this.#closing.abort()
    const reason = new HubError('closed', 'The hub is closed.')
    const failure = new StreamFailure('producer-lost', 'The producer of this stream was shut down.')
    const ends = Array.from(this.#writers.values(), (writer) => writer.breakOff(failure, reason))
    const ended = Promise.allSettled(ends)
    if (ends.length > 0 && !this.#options.isInterrupted()) await within(CLOSE_MS, ended)
    this.lose(reason)
  }

  /** The keys of all streams follow each other, because SQLite stores those next to each other at a fraction of the cost. */
  #nextKey(): string {
    this.#written += 1
    return `${this.#producer}.${FIRST_KEY + this.#written}`
  }

  #refusalOf(topic: string): Error | undefined {
    try {
      for (const needed of ['topics', 'shared'] as const) capabilityOf(this.#options.log, needed)
    } catch (error) {
      return error as LogError
    }
    if (this.#closing.signal.aborted) return new HubError('closed', 'The hub is closed.')
    if (this.#writers.has(topic)) return streamExists(topic)
    if (this.#writers.size < MAX_PRODUCED) return undefined
    const message = `This hub already produces ${MAX_PRODUCED} streams: try again later.`
    return new HubError('busy', message, { details: { limit: 'streams', max: MAX_PRODUCED } })
  }

  async #open(topic: string, ttlMs: number): Promise<number> {
    const { append } = this.#options
    this.#lease.hold()
    await Promise.all([assertUnused(this.#options, topic), this.#sweep.noteUse()])
    const { signal } = this.#closing
    const opening = { producer: this.#producer, ttlMs }
    const opened = openStream(topic, opening, { log: this.#options, append, signal })
    // Others wait for the term of a lease before they miss it: the first token need not wait for this commit as well.
    this.#lease.refresh()
    return opened
  }

  /** What was on its way when the topic was purged must not stay there, unless the topic is in use again. */
  async #purgeRest(topic: string, through: number, stored: Promise<number>): Promise<void> {
    const isLeft = (await stored) > through
    if (isLeft && !this.#watch.has(topic)) await this.#options.log.retention?.purge(topic)
  }

  #sawOpening(event: StoredEvent): void {
    const opening = openingOf(event)
    if (opening !== undefined) this.#watch.add(event.topic, opening)
  }

  #sawEnd(last: StoredEvent): void {
    const { topic } = last
    const opening = this.#watch.remove(topic)
    if (opening !== undefined) this.#expire(last, opening)
    const writer = this.#writers.get(topic)
    writer?.ifBegunBy(last.offset, () => writer.sawEnd(this.#overBy(last)))
  }

  #expire(last: StoredEvent, { producer, ttlMs }: Opening): void {
    this.#expiry.add(last.topic, last, ttlMs, producer === this.#producer)
  }

  /** Looks a stream up in the log, and from then on sees to it that it ends, and that it is purged. */
  async #look(topic: string): Promise<LoggedStream | undefined> {
    const found = await findLogged(this.#options, topic)
    if (found?.opening === undefined) return found
    if (found.last !== undefined) this.#expire(found.last, found.opening)
    else if (!this.#watch.has(topic)) this.#watch.add(topic, found.opening)
    return found
  }

  async #swept({ topic }: TopicSummary): Promise<void> {
    if (this.#watch.has(topic) || this.#expiry.has(topic)) return
    const first = await firstOf(this.#options, topic)
    if (first?.type === STREAM_OPENED) await this.#look(topic)
  }

  async #endOrphan(topic: string, producer: string, isCertain: boolean): Promise<void> {
    const { first, last } = await firstAndLast(this.#options, topic)
    if (first === undefined || last !== undefined) return
    const opening = openingOf(first)
    // Retention by age may have removed the first event, or the topic may have been purged, and used again.
    if (opening === undefined ? !isCertain : opening.producer !== producer) return
    await this.#end(topic, new StreamFailure('producer-lost', 'The producer of this stream is gone.'))
  }

  /** Stores the last event of a stream. @returns false if it already had one */
  async #end(topic: string, failure: StreamFailure): Promise<boolean> {
    try {
      await this.#options.append([failedRecord(topic, failure)])
      return true
    } catch (error) {
      if (isTopicEnded(error)) return false
      throw error
    }
  }

  #closed(writer: Writer, failure: StreamFailure | undefined): void {
    const { topic } = writer
    if (this.#writers.get(topic) === writer) {
      this.#writers.delete(topic)
      this.#lease.release()
    }
    if (failure === undefined) return
    const { signal } = this.#closing
    void keepTrying(() => this.#end(topic, failure), { maxPauseMs: MAX_PAUSE_MS, signal, failed() {} })
  }

  /** Their producers wait, and would not know why. Everything else that passes is short, or an interruption. */
  #delayed(error: unknown): void {
    if (!LogError.is(error) || !(error.code === 'full' || error.code === 'unwritable')) return
    const now = performance.now()
    if (now - this.#delayReportedAt < DELAY_REPORT_MS) return
    this.#delayReportedAt = now
    this.#report(error)
  }

  async #explain(topic: string): Promise<HubError> {
    const found = await findLogged(this.#options, topic).catch(() => undefined)
    if (found?.last !== undefined) return this.#overBy(found.last)
    return new HubError('stream-over', `The topic ${topic} has ended.`, { details: { topic } })
  }

  /** Failures of work that nobody waits for. */
  #report(error: unknown): void {
    if (!this.#closing.signal.aborted) this.#options.report(error)
  }

  #overBy(last: StoredEvent): HubError {
    const { topic } = last
    const found = stateAfter(last, this.#options.view.epoch)
    const facts = Object.fromEntries(Object.entries(found).filter(([name]) => name !== 'message'))
    const how = found.state === 'failed' ? `has failed: ${found.message}` : 'has ended.'
    return new HubError('stream-over', `The stream ${topic} ${how}`, { details: { topic, ...facts } })
  }
}

/** Errors after which the log never stores anything more. */
function isOver(error: unknown): boolean {
  return LogError.is(error) && (error.code === 'closed' || error.code === 'topic-ended')
}

function isTopicEnded(error: unknown): boolean {
  return LogError.is(error) && error.code === 'topic-ended'
}

function assertTopic(topic: string): void {
  try {
    parseTopic(topic)
  } catch (error) {
    if (!LogError.is(error)) throw error
    throw new HubError('invalid-topic', error.message, { details: error.details })
  }
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work, late])
  clearTimeout(timer)
}
