import type { Reader } from './connection.ts'
import type { Dialect } from './dialect.ts'
import type { Start } from './locate.ts'

/** What follows a gap: everything retained, only new events, a snapshot, or nothing. */
export type GapPolicy = 'replay' | 'live' | 'snapshot' | 'close'

/** A reader's request for a stream. */
export interface Subscription {
  /** At least one selector. */
  readonly selectors: readonly string[]
  /** How the stream is written. */
  readonly dialect: Dialect
  /** @defaultValue the tip: only new events */
  readonly start?: Start | undefined
  /** Send the newest event of each key first. A reader with a cursor resumes instead. @defaultValue false */
  readonly snapshot?: boolean | undefined
  /** @defaultValue `replay` */
  readonly gap?: GapPolicy | undefined
  /**
   * Sends only the newest event of each key, at most once in this many milliseconds; events without a key are all sent.
   * A replay leaves out events that a newer one on the same page replaces. 0 sends everything.
   *
   * @defaultValue 0
   */
  readonly conflateMs?: number | undefined
  /** When the reader's rights end, in milliseconds since the epoch. The stream ends with them (invariant 6). */
  readonly until?: number | undefined
  /** The reader, as `Hub.survey` shows it. */
  readonly reader?: Reader | undefined
}
