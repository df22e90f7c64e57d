import type { DecodedEvent } from '@tailrace/wire'
import type { ResolvedOptions } from './options.ts'
import type { TokenUse } from './request.ts'
import type { Sink } from './sink.ts'
import type { Message } from './step.ts'

/** One connection, from its request to its end. @throws ClientError why another one is necessary */
export type Attempt = (intake: Intake, signal: AbortSignal) => Promise<void>

/** The view that a connection has of its feed. */
export interface Intake {
  readonly settings: ResolvedOptions
  /** The URL of the next connection. */
  url: string
  /** The position to continue from. */
  lastEventId: string
  /** The newest events, to recognize events that a server sends again after a reconnection. */
  readonly seen: Set<string>
  /** Whether to treat the server as a hub, which sends bytes at once and supports pages. */
  isHub: boolean
  readonly tokens: TokenUse
  readonly sink: Sink
  note(message: Message): void
  /** Passes on an event. Resolves when the next one may follow. */
  take(event: DecodedEvent): Promise<void>
}
