import type { DecodedEvent } from '@tailrace/wire'
import type { ClientError } from './errors.ts'

/** What tabs say to each other. */
export type Message =
  /** To the one that connects: where are you? */
  | { readonly kind: 'ping' }
  /** Its answer: everything that was missed may have come to it. */
  | { readonly kind: 'pong'; readonly place: string; readonly isLive: boolean }
  /** What its connection brought, and the place before that. */
  | { readonly kind: 'event'; readonly after: string; readonly event: DecodedEvent }
  /** Its connection is lost. */
  | {
      readonly kind: 'lost'
      readonly error: Pick<ClientError, 'code' | 'message' | 'details'>
      readonly delayMs: number
    }

export type MessageOf<Kind> = Extract<Message, { readonly kind: Kind }>
