import type { DecodedEvent } from '@tailrace/wire'
import type { ClientErrorCode } from './errors.ts'

/** What tabs send each other. */
export type TabMessage =
  /** To the one that connects: where are you? */
  | { readonly kind: 'ping' }
  /** Its answer, without a place in the middle of a snapshot. `isLive`: everything that was missed has come to it. */
  | { readonly kind: 'pong'; readonly place: string | undefined; readonly isLive: boolean }
  /** What its connection brought, and the place before that; without one in the middle of a snapshot. */
  | { readonly kind: 'event'; readonly after: string | undefined; readonly event: DecodedEvent }
  /** Its connection is lost. */
  | { readonly kind: 'lost'; readonly error: ErrorRecord; readonly delayMs: number }

/** A `ClientError` as it can be cloned. */
export interface ErrorRecord {
  readonly code: ClientErrorCode
  readonly message: string
  readonly details: object
}
