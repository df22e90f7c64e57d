import type { DecodedEvent } from '@tailrace/wire'
import type { ResolvedOptions } from './options.ts'
import type { TokenUse } from './request.ts'
import type { Sink } from './sink.ts'
import type { Message } from './step.ts'

/** One connection, from its request to its end. @throws ClientError why there has to be another one */
export type Attempt = (intake: Intake, signal: AbortSignal) => Promise<void>

/** A feed, as its connections see it. */
export interface Intake {
  readonly settings: ResolvedOptions
  /** What the next connection reads. */
  url: string
  /** The place to go on from. */
  lastEventId: string
  /** The newest events, so that what a server sends again after a reconnection is recognised. */
  readonly seen: Set<string>
  /** It is taken for a hub: one that sends something at once, and knows pages. */
  isHub: boolean
  readonly tokens: TokenUse
  readonly sink: Sink
  note(message: Message): void
  /** Hands on an event. Resolves when the next one may come. */
  take(event: DecodedEvent): Promise<void>
}
