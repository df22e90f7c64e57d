import type { DecodedEvent } from '@tailrace/wire'
import type { ClientError } from './errors.ts'

/** What tabs say to each other. */
export type Message =
  /** To the one that connects: where are you? */
  | { readonly kind: 'ping' }
  /** Its answer, without a place in the middle of a snapshot. `isLive`: everything that was missed has come to it. */
  | { readonly kind: 'pong'; readonly place: string | undefined; readonly isLive: boolean }
  /** What its connection brought, and the place before that; without one in the middle of a snapshot. */
  | { readonly kind: 'event'; readonly after: string | undefined; readonly event: DecodedEvent }
  /** Its connection is lost. */
  | {
      readonly kind: 'lost'
      readonly error: Pick<ClientError, 'code' | 'message' | 'details'>
      readonly delayMs: number
    }

export type MessageOf<Kind> = Extract<Message, { readonly kind: Kind }>
