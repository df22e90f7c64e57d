import { formatCursor, LogError, parseTopic } from '@tailrace/log'
import type { StoredEvent, TopicSummary } from '@tailrace/log'
import { mintEpoch } from '@tailrace/log/adapter'
import { HubError } from '../errors.ts'
import { endStream } from './end.ts'
import { Expiry } from './expiry.ts'
import { StreamFailure } from './failure.ts'
import { findLogged, firstAndLast, firstOf, lastOfEnded, stateAfter } from './find.ts'
import type { LoggedStream } from './find.ts'
import type { StreamsOptions } from './options.ts'
import { Production } from './production.ts'
import { openingOf, STREAM_OPENED } from './records.ts'
import type { Opening } from './records.ts'
import type { FoundStream, StreamOptions, StreamWriter } from './stream-writer.ts'
import { Sweep } from './sweep.ts'
import { Watch } from './watch.ts'

const DEFAULT_TTL_MS = 24 * 60 * 60 * 1000
const MAX_TTL_MS = 30 * DEFAULT_TTL_MS

/** The one-off streams of a log, of one epoch: those that this hub produces, and those that others do. */
export class Streams {
  readonly #options: StreamsOptions
  readonly #producer: string = mintEpoch()
  readonly #closing = new AbortController()
  readonly #production: Production
  readonly #watch: Watch
  readonly #expiry: Expiry
  readonly #sweep: Sweep

  constructor(options: StreamsOptions) {
    const { log, reads, terms } = options
    const report = (error: unknown): void => this.#report(error)
    this.#options = options
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
    this.#production = new Production({
      ...options,
      producer: this.#producer,
      signal: this.#closing.signal,
      noteUse: () => this.#sweep.noteUse(),
      failed: report,
      isOpen: (topic) => this.#watch.has(topic),
    })
  }

  /** Begins to look for streams that this hub, or no running hub, has seen. */
  start(): void {
    this.#sweep.start()
  }

  stop(): void {
    for (const part of [this.#production, this.#watch, this.#expiry, this.#sweep]) part.stop()
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
    return this.#production.open(topic, ttlMs, signal)
  }

  async find(topic: string): Promise<FoundStream | undefined> {
    assertTopic(topic)
    await this.#production.opened(topic)
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
    this.#production.purged(topic, through)
  }

  /** The tail has missed something, for example openings and ends of streams. */
  async missed(): Promise<void> {
    this.#watch.doubt()
    this.#sweep.missed()
    try {
      const topics = new Set([...this.#production.topics, ...this.#watch.topics])
      for await (const last of lastOfEnded(this.#options, [...topics])) this.#sawEnd(last)
    } catch (error) {
      this.#report(error)
    }
  }

  /** The log can be reached again. */
  resumed(): void {
    this.#production.resumed()
    this.#sweep.resumed()
  }

  /** The log is gone: nothing can be stored in it any more. */
  lose(reason: Error): void {
    this.#closing.abort()
    this.stop()
    this.#production.lose(reason)
  }

  /** Ends the streams that this hub produces, with an error that their readers see, if the log can store it in time. */
  async close(): Promise<void> {
    this.#closing.abort()
    const reason = new HubError('closed', 'The hub is closed.')
    await this.#production.close(reason)
    this.lose(reason)
  }

  #sawOpening(event: StoredEvent): void {
    const opening = openingOf(event)
    if (opening !== undefined) this.#watch.add(event.topic, opening)
  }

  #sawEnd(last: StoredEvent): void {
    const opening = this.#watch.remove(last.topic)
    if (opening !== undefined) this.#expire(last, opening)
    this.#production.sawEnd(last)
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

  #end(topic: string, failure: StreamFailure): Promise<boolean> {
    return endStream(topic, failure, this.#options.append)
  }

  /** Failures of work that nobody waits for. */
  #report(error: unknown): void {
    if (!this.#closing.signal.aborted) this.#options.report(error)
  }
}

function assertTopic(topic: string): void {
  try {
    parseTopic(topic)
  } catch (error) {
    if (!LogError.is(error)) throw error
    throw new HubError('invalid-topic', error.message, { details: error.details })
  }
}
