import type { SnapshotEvent } from './app-snapshot.ts'
import type { Reader } from './connection.ts'
import type { ContentCoding } from './content-coding.ts'
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
  /** How the whole stream is encoded. @defaultValue not at all */
  readonly coding?: ContentCoding | undefined
  /** @defaultValue the tip: only new events */
  readonly start?: Start | undefined
  /**
   * What the reader receives first, and again after a gap with the policy `snapshot`. A reader with a cursor resumes
   * instead.
   *
   * - `true`: the newest event of each key.
   * - A function: the state of the application, as one event. The reader's position is taken before the function is
   *   called, and everything after it follows. So what is published while the state is computed follows it in any case,
   *   and may be contained in it as well. If the function throws, or returns more than `maxEventBytes`, the stream ends
   *   with `tailrace.error` (`snapshot-failed`), and the reader returns.
   *
   * @defaultValue false
   */
  readonly snapshot?: boolean | (() => Promise<SnapshotEvent> | SnapshotEvent) | undefined
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
  /** The reader's rights end when it is aborted, and the stream with them: `tailrace.error` (`revoked`). */
  readonly signal?: AbortSignal | undefined
  /** The reader, as `Hub.survey` shows it. */
  readonly reader?: Reader | undefined
}
