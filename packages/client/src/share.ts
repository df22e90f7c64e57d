import type { DecodedEvent } from '@tailrace/wire'
import type { ClientError } from './errors.ts'
import type { Sink } from './sink.ts'

/** A feed, as something sees it that shares its connection with others. */
export interface SharedFeed {
  readonly settings: { readonly maxQueuedEvents: number }
  readonly url: string
  readonly lastEventId: string
  readonly sink: Sink
  readonly isOver: boolean
  /** A connection is needed. */
  start(): void
  /** None is needed for now. `idle` is called when there is none. */
  release(): void
  /** Hands on an event that came in another way. */
  take(event: DecodedEvent): Promise<void>
  fail(error: unknown): void
}

/** What decides whether a feed has a connection of its own. */
export interface Share {
  /** Sees every event before it is handed on. */
  pass(event: DecodedEvent): void
  /** The connection is lost, and there will be another one. */
  lose(error: ClientError, delayMs: number): void
  /** The feed has no connection. */
  idle(): void
  leave(): void
}
