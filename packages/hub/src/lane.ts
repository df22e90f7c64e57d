import { isPattern } from '@tailrace/log'
import type { EventLog, StoredEvent } from '@tailrace/log'
import { encodeFrame } from './frame.ts'
import type { Representation } from './frame.ts'
import type { Payload } from './payload.ts'
import { Replay } from './replay.ts'
import type { View } from './step.ts'
import { Window } from './window.ts'

/** What a lane and its hub ask of a subscriber. */
export interface LaneMember {
  /** The window has news. */
  pump(): void
  heartbeat(comment: Payload): void
  cutIfStalled(now: number, stallMs: number): void
  close(code?: string): void
}

/**
 * All subscribers with the same selectors and the same representation. Each event is encoded here, once,
 * and its bytes are shared by all of them (invariant 5).
 */
export class Lane {
  readonly selectors: readonly string[]
  readonly representation: Representation
  readonly window: Window
  readonly replay: Replay
  readonly members: Set<LaneMember> = new Set()
  readonly #epoch: string
  readonly #onEmpty: () => void
  /** When it last handed out everything, by the pacer's clock. */
  flushedAt: number = Number.NEGATIVE_INFINITY
  /** What came since the pass under way began. */
  newsBytes = 0
  #pass: Iterator<LaneMember> | undefined
  /** Where each selected topic ended. Only a lane without patterns can end. */
  readonly #ends = new Map<string, number>()
  readonly #canEnd: boolean

  constructor(
    selectors: readonly string[],
    representation: Representation,
    epoch: string,
    head: number,
    windowBytes: number,
    onEmpty: () => void,
  ) {
    this.selectors = selectors
    this.representation = representation
    this.window = new Window(head, windowBytes)
    this.replay = new Replay(selectors, representation, epoch)
    this.#epoch = epoch
    this.#onEmpty = onEmpty
    this.#canEnd = !selectors.some(isPattern)
  }

  /** Learns which of its topics had ended before the lane was there. */
  async open(log: EventLog): Promise<void> {
    if (!this.#canEnd) return
    const ends = await log.ended(this.selectors)
    for (const [i, offset] of ends.entries())
      if (offset !== undefined) this.#ends.set(this.selectors[i]!, offset)
  }

  push(event: StoredEvent): void {
    const frame = encodeFrame(event, this.representation, this.#epoch)
    this.window.push(frame)
    this.newsBytes += frame.bytes.length
    if (event.end && this.#canEnd) this.#ends.set(event.topic, event.offset)
  }

  /**
   * Hands out what was pushed, to a limited number of members; the next call goes on with the others.
   *
   * @returns how many more it could have served: 0 when it may not be done
   */
  flush(limit: number): number {
    if (this.#pass === undefined) {
      this.newsBytes = 0
      this.#pass = this.members.values()
    }
    for (let left = limit; left > 0; left -= 1) {
      const { value, done } = this.#pass.next()
      if (done === true) {
        this.#pass = undefined
        return left
      }
      value.pump()
    }
    return 0
  }

  /** What was purged must not be delivered from memory either. */
  purged(topic: string, head: number): void {
    this.#ends.delete(topic)
    this.window.clear(head)
    this.replay.forget()
  }

  leave(member: LaneMember): void {
    this.members.delete(member)
    if (this.members.size === 0) this.#onEmpty()
  }

  /** Every selected topic has ended. */
  get hasEnded(): boolean {
    return this.#canEnd && this.#ends.size === this.selectors.length
  }

  /** The topic that ended last, and where, once every selected topic has ended. */
  get end(): { topic: string; offset: number } | undefined {
    if (!this.hasEnded) return undefined
    const [topic, offset] = [...this.#ends].reduce((last, end) => (end[1] > last[1] ? end : last))
    return { topic, offset }
  }

  get view(): View {
    return { start: this.window.start, tip: this.window.tip, endsAt: this.end?.offset }
  }
}
