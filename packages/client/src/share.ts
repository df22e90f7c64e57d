import type { DecodedEvent } from '@tailrace/wire'
import type { ClientError } from './errors.ts'
import type { Sink } from './sink.ts'

/** The view that a share has of its feed. */
export interface SharedFeed {
  readonly settings: { readonly maxQueuedEvents: number }
  readonly url: string
  readonly lastEventId: string
  readonly sink: Sink
  readonly isOver: boolean
  /** A connection is needed. */
  start(): void
  /** No connection is needed for now. `idle` is called when it is closed. */
  release(): void
  /** Passes on an event that arrived in another way. */
  take(event: DecodedEvent): Promise<void>
  fail(error: unknown): void
}

/** Decides whether a feed has its own connection. */
export interface Share {
  /** Called with every event before it is passed on. */
  pass(event: DecodedEvent): void
  /** The connection is lost, and the feed will reconnect. */
  lose(error: ClientError, delayMs: number): void
  /** The feed has no connection. */
  idle(): void
  leave(): void
}
