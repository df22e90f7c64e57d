import type { Reader } from './connection.ts'
import type { Dialect } from './dialect.ts'
import type { Start } from './locate.ts'

/** What follows a gap: everything retained, only what is new, a snapshot, or nothing. */
export type GapPolicy = 'replay' | 'live' | 'snapshot' | 'close'

/** What a reader asks for. */
export interface Subscription {
  /** At least one selector. */
  readonly selectors: readonly string[]
  /** How the stream is written. */
  readonly dialect: Dialect
  /** @defaultValue the tip: only what is new */
  readonly start?: Start | undefined
  /** Send the newest event of each key first. A reader with a cursor resumes instead. @defaultValue false */
  readonly snapshot?: boolean | undefined
  /** @defaultValue `replay` */
  readonly gap?: GapPolicy | undefined
  /**
   * At most once in this many milliseconds, the newest event of each key that changed; events without a key
   * are all sent. A replay leaves out what a newer event of the same page replaces. 0 sends everything.
   *
   * @defaultValue 0
   */
  readonly conflateMs?: number | undefined
  /** When the reader's rights end, by the wall clock, in milliseconds; the stream ends with them (invariant 6). */
  readonly until?: number | undefined
  /** Who it is for, for whoever looks at `Hub.survey`. */
  readonly reader?: Reader | undefined
}
