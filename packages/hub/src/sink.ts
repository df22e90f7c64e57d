import type { Payload } from './payload.ts'

/** The most that a sink is handed at once, in bytes; nothing more until it is ready again (invariant 4). */
export const MAX_HANDED_BYTES: number = 64 * 1024

/** Told by a sink; both may be called at any time, also from within `write`. */
export interface SinkListener {
  /** Everything that was written has left this process; the sink takes more. */
  ready(): void
  /**
   * The reader is gone, or the sink failed. Nothing can be written any more.
   *
   * @param reason - why it was cut on this side. @defaultValue it was not: the reader left
   */
  closed(reason?: 'vanished' | 'stalled'): void
}

/** Where a subscriber's bytes go: one open response. */
export interface Sink {
  /** Whether everything that was written has left this process. Only then may more be written. */
  readonly isReady: boolean
  /**
   * When the reader last took some of what was written, by `performance.now()`: it may be slow, and take less than all of
   * it at a time. A sink that cannot tell does without.
   */
  movedAt?(): number
  /** Names the one who is told. Called once, before anything else. */
  attach(listener: SinkListener): void
  /** Takes at most {@link MAX_HANDED_BYTES}. The payload is shared with other readers: never changed. */
  write(payload: Payload): void
  /** Ends the response after what was written. */
  end(): void
  /** Cuts the response: what was written may not arrive. */
  destroy(): void
}
