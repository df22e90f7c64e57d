import { LogError } from '@tailrace/log'
import type { CompleteEventLog, StoredEvent, Tail, TailListener } from '@tailrace/log'
import { mintEpoch } from '@tailrace/log/adapter'

import { encodeStored } from '../protocol/events.ts'
import { Encoder } from '../protocol/encoder.ts'
import { encodeError } from '../protocol/results.ts'
import { FRAME } from '../protocol/protocol.ts'
import { Purges, type Purge } from './purges.ts'

/** What one node learns of the tail. */
export interface FeedListener {
  /** @param frame - encodes events, or that some were lost, for the first node that needs it */
  told(frame: () => Buffer): void
  /** @param frame - about a purge that is under way */
  announced(frame: Buffer): void
  purged(purge: Purge): void
  /** @param frame - about the state of the log */
  notify(frame: Buffer): void
}

/** The only tail of the owner: what the log reports is encoded once for all nodes. */
export class Feed implements TailListener {
  /** The name of this owner. */
  readonly owner: string = mintEpoch()
  readonly purges: Purges = new Purges()
  readonly followers: Set<FeedListener> = new Set()
  readonly #log: CompleteEventLog
  readonly #encoder = new Encoder()
  #tail: Tail | undefined
  #offset = 0
  #interruption: LogError | undefined
  #failure: LogError | undefined

  private constructor(log: CompleteEventLog) {
    this.#log = log
  }

  static async open(log: CompleteEventLog): Promise<Feed> {
    const feed = new Feed(log)
    feed.#tail = await log.tail(feed)
    feed.#offset = Math.max(feed.#offset, feed.#tail.after)
    return feed
  }

  /** Everything up to here was reported. */
  get offset(): number {
    return this.#offset
  }

  /** Why no node can follow. Undefined if nodes can. */
  get obstacle(): LogError | undefined {
    return this.#failure ?? this.#interruption
  }

  close(): void {
    this.#tail?.stop()
  }

  events(events: readonly StoredEvent[]): void {
    this.#offset = events.at(-1)!.offset
    this.#tell(FRAME.events, () => encodeStored(this.#encoder, events))
  }

  /** Purges a topic, and tells all nodes before and after: if this process dies in between, they find out. */
  async purge(topic: string): Promise<boolean> {
    this.#announce(FRAME.purging, topic)
    try {
      const isKnown = await this.#log.retention.purge(topic)
      if (!isKnown) this.#announce(FRAME.kept, topic)
      return isKnown
    } catch (error) {
      // Otherwise the log itself reports later what has happened.
      if (!LogError.is(error) || error.code !== 'outcome-unknown') this.#announce(FRAME.kept, topic)
      throw error
    }
  }

  purged(topic: string, through: number): void {
    const purge = this.purges.add(topic, through)
    for (const follower of this.followers) follower.purged(purge)
  }

  lost(through: number): void {
    this.#offset = through
    this.#tell(FRAME.lost, () => this.#encoder.f64(through))
  }

  interrupted(reason: LogError): void {
    this.#interruption = reason
    this.#notify(FRAME.interrupted, reason)
  }

  resumed(): void {
    this.#interruption = undefined
    const frame = this.#encoder.finish(FRAME.resumed)
    for (const follower of this.followers) follower.notify(frame)
  }

  failed(error: LogError): void {
    this.#failure = error
    this.#notify(FRAME.failed, error)
  }

  #tell(kind: number, encode: () => void): void {
    let frame: Buffer | undefined
    const encoded = (): Buffer => {
      if (frame === undefined) {
        encode()
        frame = this.#encoder.finish(kind)
      }
      return frame
    }
    for (const follower of this.followers) follower.told(encoded)
  }

  #announce(kind: number, topic: string): void {
    this.#encoder.text(topic)
    const frame = this.#encoder.finish(kind)
    for (const follower of this.followers) follower.announced(frame)
  }

  #notify(kind: number, reason: LogError): void {
    encodeError(this.#encoder, reason)
    const frame = this.#encoder.finish(kind)
    for (const follower of this.followers) follower.notify(frame)
  }
}
