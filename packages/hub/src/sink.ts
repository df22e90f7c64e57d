import type { Payload } from './payload.ts'

/** Maximum bytes written to a sink at once. Nothing more is written until it is ready again (invariant 4). */
export const MAX_HANDED_BYTES: number = 64 * 1024

/** Called by a sink. Both may be called at any time, even from within `write`. */
export interface SinkListener {
  /** Everything written has left this process, and the sink accepts more. */
  ready(): void
  /**
   * The reader is gone, or the sink failed. Nothing more can be written.
   *
   * @param reason - why this side closed it. @defaultValue the reader left
   */
  closed(reason?: 'vanished' | 'stalled'): void
}

/** The destination of a subscriber's bytes: one open response. */
export interface Sink {
  /** Whether everything written has left this process. Only then may more be written. */
  readonly isReady: boolean
  /**
   * When the reader last accepted some of what was written, by `performance.now()`. A slow reader may accept less
   * than all of it at a time. Optional, for sinks that cannot tell.
   */
  movedAt?(): number
  /** Sets the listener. Called once, before anything else. */
  attach(listener: SinkListener): void
  /** Writes at most {@link MAX_HANDED_BYTES}. The payload is shared with other readers and must not be changed. */
  write(payload: Payload): void
  /** Ends the response after what was written. */
  end(): void
  /** Breaks the response off: what was written may not arrive. */
  destroy(): void
}
