import type { DecodedEvent } from '@tailrace/wire'
import type { ClientErrorCode } from './errors.ts'

/** A message between tabs. */
export type TabMessage =
  /** To the leader: a request for its position. */
  | { readonly kind: 'ping' }
  /**
   * The answer of the leader. It has no `place` in the middle of a snapshot. `isLive`: the leader has received all
   * missed events.
   */
  | { readonly kind: 'pong'; readonly place: string | undefined; readonly isLive: boolean }
  /** An event that the leader received, and the position before it. It has no `after` in the middle of a snapshot. */
  | { readonly kind: 'event'; readonly after: string | undefined; readonly event: DecodedEvent }
  /** The leader's connection is lost. */
  | { readonly kind: 'lost'; readonly error: ErrorRecord; readonly delayMs: number }

/** A `ClientError` in a form that can be cloned. */
export interface ErrorRecord {
  readonly code: ClientErrorCode
  readonly message: string
  readonly details: object
}
