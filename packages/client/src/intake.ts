import type { DecodedEvent } from '@tailrace/wire'
import type { ResolvedOptions } from './options.ts'
import type { TokenUse } from './request.ts'
import type { Sink } from './sink.ts'
import type { Message } from './step.ts'

/** The view that a connection has of its feed. */
export interface Intake {
  readonly settings: ResolvedOptions
  /** The URL of the next connection. */
  url: string
  /** The position to continue from. */
  lastEventId: string
  /** The newest events, to recognize events that a server sends again after a reconnection. */
  readonly seen: Set<string>
  readonly tokens: TokenUse
  readonly sink: Sink
  note(message: Message): void
  /** Passes on an event. Resolves when the next one may follow. */
  take(event: DecodedEvent): Promise<void>
}
