import { LogError } from '@tailrace/log'
import type { NewEvent } from '@tailrace/log'
import { HubError } from '../errors.ts'
import { assertEvent, toNewEvent } from '../topic-event.ts'
import type { TopicEvent } from '../topic-event.ts'
import { StreamFailure, visibleFailure } from './failure.ts'
import { pump } from './pipe.ts'
import { doneRecord, failedRecord } from './records.ts'
import type { StreamWriter, WriteOptions } from './stream-writer.ts'
import { WriteQueue } from './write-queue.ts'
import type { WriteQueueOptions } from './write-queue.ts'

/** What a writer needs from its hub. */
export interface WriterHost extends Omit<WriteQueueOptions, 'failed'> {
  /** @throws HubError if the application may not publish this event */
  check(event: NewEvent): void
  cursor(offset: number): string
  /** An idempotency key that no other event has. */
  nextKey(): string
  /** Why nothing can follow in a topic, after an append was refused with `topic-ended`. */
  explain(topic: string): Promise<HubError>
  /** Called with failures that readers must not see. */
  report(error: unknown): void
  /** Called when the writer has nothing more to store. `failure`: the stream has no last event yet, and this must be it. */
  closed(writer: Writer, failure: StreamFailure | undefined): void
}

/** One stream that this hub produces. */
export class Writer implements StreamWriter {
  readonly topic: string
  readonly signal: AbortSignal
  readonly opened: Promise<string>
  readonly #host: WriterHost
  readonly #queue: WriteQueue
  /** Aborted with `signal`, and also when the producer ends the stream itself. */
  readonly #ceasing = new AbortController()
  readonly #aborting = new AbortController()
  /** The offset of the first event. */
  #openedAt: number | undefined
  /** Why nothing can be written any more. */
  #over: Error | undefined
  /** The last event was handed to the queue, so an end that the tail shows may be its own. */
  #isEnding = false
  #isClosed = false
  #stopListening = (): void => undefined

  /** @param open stores the first event of the stream, and resolves with its offset */
  constructor(topic: string, host: WriterHost, open: () => Promise<number>, signal?: AbortSignal) {
    this.topic = topic
    this.signal = this.#aborting.signal
    this.#host = host
    this.#queue = new WriteQueue({ ...host, failed: (error) => void this.#refused(error) })
    this.opened = handled(this.#open(open))
    if (signal !== undefined) this.#listen(signal)
  }

  write(data: unknown, { type }: WriteOptions = {}): Promise<void> {
    if (this.#over !== undefined) return handled(Promise.reject(this.#over))
    try {
      this.#assertRoom()
      this.#queue.add(this.#checked({ data, type }))
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#queue.room()
  }

  flush(): Promise<void> {
    return handled(this.signal.aborted ? Promise.reject(this.signal.reason) : this.#queue.stored())
  }

  pipe(source: AsyncIterable<unknown> | ReadableStream<unknown>, options?: WriteOptions): Promise<void> {
    return handled(this.#pipe(source, options))
  }

  end(last?: Pick<TopicEvent, 'type' | 'data'>): Promise<string> {
    return handled(this.#end(last))
  }

  fail(error: unknown): Promise<void> {
    return handled(this.#fail(error))
  }

  /**
   * Calls back if the stream has begun by this offset, as soon as that is known. What a late tail reports may concern an
   * earlier stream of the same topic.
   */
  ifBegunBy(offset: number, then: () => void): void {
    const decide = (): void => void (this.#openedAt! <= offset && then())
    if (this.#openedAt === undefined) void this.opened.then(decide, () => undefined)
    else decide()
  }

  /** Called by the hub when the tail shows that the topic has ended. */
  sawEnd(reason: HubError): void {
    // If its own end is on the way, the outcome of that append shows whose end it was.
    if (!this.#isEnding) this.#stop(reason)
  }

  /**
   * Called by the hub when its topic, or the whole log, is gone. Resolves with the offset of the newest event that it has
   * stored, when it stores nothing more.
   */
  async lose(reason: Error): Promise<number> {
    this.#stop(reason)
    await this.#queue.settled()
    return this.#queue.newest
  }

  /** Ends the stream at once, with an error that its readers see. What is waiting is dropped. */
  async breakOff(failure: StreamFailure, reason: Error): Promise<void> {
    if (this.#isClosed) return
    if (this.#isEnding) return this.#queue.stored()
    this.#cease(reason)
    this.#queue.drop(reason)
    this.#aborting.abort(reason)
    await this.#last(failedRecord(this.topic, failure))
  }

  async #open(open: () => Promise<number>): Promise<string> {
    try {
      const offset = await open()
      this.#openedAt = offset
      this.#queue.open()
      return this.#host.cursor(offset)
    } catch (error) {
      this.#stop(error as Error)
      throw error
    }
  }

  async #pipe(
    source: AsyncIterable<unknown> | ReadableStream<unknown>,
    options?: WriteOptions,
  ): Promise<void> {
    try {
      await pump(source, (value) => this.write(value, options), this.#ceasing.signal)
    } catch (error) {
      if (this.#over === undefined) await this.#fail(error)
      throw error
    }
    await this.#end(undefined)
  }

  async #end(last: Pick<TopicEvent, 'type' | 'data'> | undefined): Promise<string> {
    if (this.#over !== undefined) throw this.#over
    if (last !== undefined) assertEvent(last)
    const event = last === undefined ? doneRecord(this.topic) : { ...this.#checked(last), end: true }
    this.#cease(
      new HubError('stream-over', `The stream ${this.topic} has been ended by its producer.`, {
        details: { topic: this.topic, state: 'done' },
      }),
    )
    return this.#last(event)
  }

  async #fail(error: unknown): Promise<void> {
    if (this.#over !== undefined) {
      // Its readers took it for complete, so nobody else would learn of this.
      if (HubError.is(this.#over) && this.#over.details['state'] === 'done') this.#host.report(error)
      return
    }
    const failure = visibleFailure(error)
    if (failure !== error) this.#host.report(error)
    this.#cease(
      new HubError('stream-over', `The stream ${this.topic} has failed: ${failure.message}`, {
        details: { topic: this.topic, state: 'failed', code: failure.code },
      }),
    )
    try {
      await this.#last(failedRecord(this.topic, failure))
    } catch (reason) {
      if (!HubError.is(reason) || reason.code !== 'stream-over') throw reason
    }
  }

  async #last(event: NewEvent): Promise<string> {
    this.#isEnding = true
    this.#queue.add(this.#keyed(event))
    await this.#queue.stored()
    this.#close(undefined)
    return this.#host.cursor(this.#queue.newest)
  }

  async #refused(error: unknown): Promise<void> {
    if (LogError.is(error) && error.code === 'topic-ended') {
      this.#stop(await this.#host.explain(this.topic))
      return
    }
    this.#host.report(error)
    const isTooLarge = LogError.is(error) && error.code === 'too-large'
    const failure = isTooLarge
      ? new StreamFailure('event-too-large', 'An event was larger than the log accepts.')
      : visibleFailure(error)
    this.#stop(error as Error, failure)
  }

  #stop(reason: Error, failure?: StreamFailure): void {
    if (this.#isClosed) return
    this.#cease(reason)
    this.#queue.stop(reason)
    this.#aborting.abort(reason)
    this.#close(failure)
  }

  #cease(reason: Error): void {
    this.#over = reason
    this.#ceasing.abort(reason)
  }

  #close(failure: StreamFailure | undefined): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#stopListening()
    this.#host.closed(this, failure)
  }

  #listen(signal: AbortSignal): void {
    const cancel = (): void => {
      const failure = new StreamFailure('cancelled', 'The stream was cancelled.')
      const details = { topic: this.topic, state: 'failed', code: 'cancelled' }
      const reason = new HubError('stream-over', `The stream ${this.topic} was cancelled.`, { details })
      void handled(this.breakOff(failure, reason))
    }
    signal.addEventListener('abort', cancel)
    this.#stopListening = () => signal.removeEventListener('abort', cancel)
    if (signal.aborted) cancel()
  }

  #checked(event: Pick<TopicEvent, 'type' | 'data'>): NewEvent {
    const checked = this.#keyed(toNewEvent(this.topic, event))
    this.#host.check(checked)
    return checked
  }

  #keyed(event: NewEvent): NewEvent {
    return { ...event, idempotencyKey: this.#host.nextKey() }
  }

  #assertRoom(): void {
    if (!this.#queue.isFull) return
    const message = 'Streams have too much to store that is not stored yet: await each write.'
    throw new HubError('busy', message, { details: { topic: this.topic, limit: 'streams' } })
  }
}

/** A producer that awaits nothing learns from its signal that the stream is over; that must not end its process. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}
