import type { Cursor, StoredEvent } from '@tailrace/log'
import type { Budget, Holder } from './budget.ts'
import { checkBatch } from './check-batch.ts'
import type { Dialect } from './dialect.ts'
import type { ResolvedHubOptions } from './options.ts'
import { FramePage } from './replay.ts'
import { assertEvent, toNewEvent } from './topic-event.ts'
import type { TopicEvent } from './topic-event.ts'

/** The state of an application, sent as one event. */
export interface SnapshotEvent extends Pick<TopicEvent, 'type' | 'key' | 'data'> {
  /** @defaultValue the first selector of the subscription */
  readonly topic?: string | undefined
}

const MEMBERS: ReadonlySet<string> = new Set<keyof SnapshotEvent>(['topic', 'type', 'key', 'data'])

/** Computes the event that contains the state. */
export type SnapshotSource = () => Promise<Omit<StoredEvent, 'offset'>>

/** @returns a source whose events were checked as if they were published */
export function stateOf(
  snapshot: () => Promise<SnapshotEvent> | SnapshotEvent,
  selectors: readonly string[],
  limits: ResolvedHubOptions,
): SnapshotSource {
  return async () => {
    const given = await snapshot()
    assertEvent(given, MEMBERS)
    const { topic, ...fields } = given
    const event = toNewEvent(topic ?? 'state', fields)
    checkBatch([event], limits)
    const { type, key, data } = event
    const rest = { time: Date.now(), remove: false, end: false, trace: undefined }
    return { topic: topic ?? selectors[0]!, type, key, data, ...rest }
  }
}

/** The application could not compute its state, for the reason in `cause`. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError'
}

/** The only frame of its page. */
const ONLY = 1

/**
 * The state of an application for one reader. Unlike a page of the log, it cannot be read again in the middle of its
 * frame, so the frame is held until the reader has accepted all of it, in memory that all lanes share. If there is too
 * little, the stream ends.
 */
export class AppSnapshot implements Holder {
  readonly #source: SnapshotSource
  readonly #budget: Budget
  readonly #onEvicted: () => void
  #page: FramePage | undefined

  constructor(source: SnapshotSource, budget: Budget, onEvicted: () => void) {
    this.#source = source
    this.#budget = budget
    this.#onEvicted = onEvicted
  }

  /**
   * The page with the state, which is computed unless it is held.
   *
   * @param begin called before the state is computed; returns the position that the state covers
   * @throws SnapshotError
   */
  async page(dialect: Dialect, begin: () => Cursor): Promise<FramePage> {
    if (this.#page !== undefined) return this.#page
    const at = begin()
    try {
      const event = await this.#source()
      const bytes = dialect.frame({ ...event, offset: at.offset }, at)
      const whole = { events: [], next: ONLY, more: false, lostThrough: 0, losses: 0 }
      const page = new FramePage(0, whole, [{ offset: ONLY, bytes }])
      this.#page = page
      this.#budget.update(this)
      return page
    } catch (error) {
      throw new SnapshotError('The state cannot be computed.', { cause: error })
    }
  }

  get heldBytes(): number {
    return this.#page?.bytes ?? 0
  }

  evict(): void {
    this.#page = undefined
    this.#onEvicted()
  }

  /** The reader has accepted it, or is gone. */
  release(): void {
    this.#page = undefined
    this.#budget.remove(this)
  }
}
