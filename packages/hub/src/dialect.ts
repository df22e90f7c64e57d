import type { Cursor, StoredEvent } from '@tailrace/log'
import type { Gap } from './gap.ts'
import type { Payload } from './payload.ts'

/**
 * How a protocol writes a stream: the bytes of events, and of everything else that a reader must learn. A message
 * without bytes is one that the protocol does not have.
 */
export interface Dialect {
  /** Streams with the same key and selectors share their frames: the key identifies everything that affects their bytes. */
  readonly key: string
  /**
   * An event; without bytes, readers do not receive it. One of a snapshot has no cursor: its reader has not seen what
   * precedes it.
   */
  frame(event: StoredEvent, at: Cursor | undefined): Uint8Array
  /** Replay or snapshot is complete; what follows is live. No silence is longer than `heartbeatMs`; 0 makes no promise. */
  live(at: Cursor, heartbeatMs: number): Uint8Array
  gap(gap: Gap, at: Cursor): Uint8Array
  /** Every selected topic has ended; `topic` is the one that ended last. */
  end(topic: string, at: Cursor): Uint8Array
  /** The stream closes for a reason that its reader should know. */
  error(code: string): Uint8Array
  /** How long to wait before a reconnect: sent first on every stream. */
  retry(retryMs: number): Uint8Array
  /** Keeps an idle stream open. */
  readonly heartbeat: Payload
  /**
   * Its readers take the end of a response for the end of the stream. A stream that closes for another reason is broken
   * off if they cannot be told, for example because they are in the middle of an event. @defaultValue false
   */
  readonly isEndFinal?: boolean | undefined
}
