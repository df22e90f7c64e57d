import { LogError } from '@tailrace/log'
import type { CompleteEventLog, Page } from '@tailrace/log'
import { keepTrying } from '@tailrace/log/adapter'

import { Encoder } from '../protocol/encoder.ts'
import { encodeStored } from '../protocol/events.ts'
import type { Outbox } from '../protocol/outbox.ts'
import { FRAME, type KnownPlace } from '../protocol/protocol.ts'
import { encodeError } from '../protocol/results.ts'
import type { Feed, FeedListener } from './feed.ts'
import type { Purge } from './purges.ts'

/** Maximum bytes for a node that does not accept them. Beyond that, it is behind. */
const MAX_QUEUED_BYTES = 4 * 2 ** 20
/** Maximum bytes that arrive while the last page for a node that is behind is read. */
const MAX_HELD_BYTES = 4 * 2 ** 20
/** A page for a node that is behind. */
const PAGE = { selectors: ['**'], limit: 1_000, maxBytes: 2 ** 20 }
/** The longest pause before a page is read again, in milliseconds. */
const MAX_PAUSE_MS = 1_000

/**
 * What one node receives of the tail. As long as it keeps up, that is what all receive, from the same buffers. If it does
 * not, it receives nothing until it has accepted what is queued, and then pages of the log, at its own pace.
 */
export class Follower implements FeedListener {
  readonly #log: CompleteEventLog
  readonly #feed: Feed
  readonly #outbox: Outbox
  readonly #ended = new AbortController()
  /** Everything up to here was sent. */
  #offset: number
  /** All purges up to this number were sent. */
  #purge: number
  #isBehind = false
  /** What arrives while a page is read. Undefined before, and if there was too much of it. */
  #held: Buffer[] | undefined
  #heldBytes = 0

  constructor(log: CompleteEventLog, feed: Feed, outbox: Outbox, known: KnownPlace | undefined) {
    this.#log = log
    this.#feed = feed
    this.#outbox = outbox
    this.#offset = known?.offset ?? feed.offset
    // Another owner counts its purges from the beginning.
    this.#purge = known === undefined ? feed.purges.newest : known.owner === feed.owner ? known.purge : 0
  }

  begin(): void {
    this.#feed.followers.add(this)
    if (this.#offset < this.#feed.offset) void this.#catchUp()
    else this.#sendPurges()
  }

  end(): void {
    this.#ended.abort()
    this.#feed.followers.delete(this)
  }

  told(frame: () => Buffer): void {
    if (this.#isBehind) {
      if (this.#held !== undefined) this.#hold(frame())
      return
    }
    this.#outbox.send(frame())
    this.#advance()
    if (this.#outbox.queuedBytes > MAX_QUEUED_BYTES) void this.#catchUp()
  }

  announced(frame: Buffer): void {
    if (this.#isBehind) return
    this.#outbox.send(frame)
    // The kernel delivers it even if this process dies now.
    this.#outbox.flush()
  }

  purged({ topic, through, number }: Purge): void {
    // Otherwise it is sent later: what was read before must not follow it.
    if (this.#isBehind) return
    const encoder = new Encoder()
    encoder.f64(number)
    encoder.f64(through)
    encoder.text(topic)
    this.#outbox.send(encoder.finish(FRAME.purged))
    this.#purge = number
  }

  notify(frame: Buffer): void {
    this.#outbox.send(frame)
  }

  async #catchUp(): Promise<void> {
    this.#isBehind = true
    while (!this.#ended.signal.aborted) {
      await this.#outbox.drained()
      this.#held = []
      this.#heldBytes = 0
      const page = await this.#nextPage()
      if (page === undefined) return
      this.#sendPage(page)
      const held = this.#held
      this.#held = undefined
      // What was reported before the page was requested is in it.
      if (page.more || held === undefined) continue
      this.#isBehind = false
      for (const frame of held) this.#outbox.send(frame)
      this.#advance()
      this.#sendPurges()
      return
    }
  }

  /** Undefined once the node is gone. */
  async #nextPage(): Promise<Page | undefined> {
    const { signal } = this.#ended
    const read = (): Promise<Page> => this.#log.read({ ...PAGE, after: this.#offset })
    // While the log cannot be reached, or is closed.
    return read().catch(() => keepTrying(read, { maxPauseMs: MAX_PAUSE_MS, signal, failed() {} }))
  }

  #sendPage({ events, next, lostThrough }: Page): void {
    const encoder = new Encoder()
    if (lostThrough > this.#offset) {
      encoder.f64(lostThrough)
      this.#outbox.send(encoder.finish(FRAME.lost))
      this.#offset = lostThrough
    }
    const left = events.filter(({ offset }) => offset > this.#offset)
    if (left.length > 0) {
      encodeStored(encoder, left)
      this.#outbox.send(encoder.finish(FRAME.events))
    }
    this.#offset = Math.max(this.#offset, next)
    encoder.f64(this.#offset)
    this.#outbox.send(encoder.finish(FRAME.place))
  }

  /** A page may be ahead of the tail. */
  #advance(): void {
    this.#offset = Math.max(this.#offset, this.#feed.offset)
  }

  #hold(frame: Buffer): void {
    this.#heldBytes += frame.length
    if (this.#heldBytes > MAX_HELD_BYTES) this.#held = undefined
    else this.#held!.push(frame)
  }

  #sendPurges(): void {
    const missed = this.#feed.purges.after(this.#purge)
    if (missed !== undefined) {
      for (const purge of missed) this.purged(purge)
      return
    }
    const encoder = new Encoder()
    encodeError(
      encoder,
      new LogError(
        'replaced',
        'Too many topics were purged while this process was behind: it opens the log again.',
      ),
    )
    this.#outbox.send(encoder.finish(FRAME.failed))
  }
}
