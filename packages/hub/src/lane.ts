import { isPattern } from '@tailrace/log'
import type { EventLog, StoredEvent } from '@tailrace/log'
import { encodeFrame } from './frame.ts'
import type { Representation } from './frame.ts'
import type { View } from './step.ts'
import { Window } from './window.ts'

/** What a lane and its hub ask of a subscriber. */
export interface LaneMember {
  /** The window has news. */
  pump(): void
  heartbeat(comment: Uint8Array): void
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
  readonly members: Set<LaneMember> = new Set()
  readonly #epoch: string
  readonly #onEmpty: () => void
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
    this.window.push(encodeFrame(event, this.representation, this.#epoch))
    if (event.end && this.#canEnd) this.#ends.set(event.topic, event.offset)
  }

  /** Lets every subscriber have what was pushed. */
  flush(): void {
    for (const member of this.members) member.pump()
  }

  /** What was purged must not be delivered from memory either. */
  purged(topic: string, head: number): void {
    this.#ends.delete(topic)
    this.window.clear(head)
  }

  leave(member: LaneMember): void {
    this.members.delete(member)
    if (this.members.size === 0) this.#onEmpty()
  }

  /** The topic that ended last, and where, once every selected topic has ended. */
  get end(): { topic: string; offset: number } | undefined {
    if (!this.#canEnd || this.#ends.size < this.selectors.length) return undefined
    const [topic, offset] = [...this.#ends].reduce((last, end) => (end[1] > last[1] ? end : last))
    return { topic, offset }
  }

  get view(): View {
    return { start: this.window.start, tip: this.window.tip, endsAt: this.end?.offset }
  }
}
