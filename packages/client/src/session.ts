import type { DecodedEvent } from '@tailrace/wire'
import type { Backoff } from './backoff.ts'
import type { Status } from './items.ts'
import type { ResolvedOptions } from './options.ts'

/** A subscription as whatever feeds it sees it: connections, polls, and other tabs. */
export interface Session {
  readonly settings: ResolvedOptions
  readonly backoff: Backoff
  /** The place to go on from. */
  lastEventId: string
  /** Events of earlier connections, newest last: what a server sends again is dropped. */
  seen: ReadonlySet<string>
  /** How long the server may send nothing, in milliseconds; 0 is for ever. */
  readTimeoutMs: number
  /** The server refused the headers of the last attempt. */
  wereHeadersRefused: boolean
  /** The server may know long-polling. */
  canPoll: boolean
  /** Closed, or the topics have ended. */
  isOver: boolean
  /** Ends what is under way: a connection, or a wait. */
  interrupt: (() => void) | undefined
  /** The network or the machine is back: what is under way may be dead, or need not be waited for. */
  wake: (() => void) | undefined
  /** Gives an event to the consumer. */
  take(event: DecodedEvent): Promise<void>
  tell(status: Status): void
  /** The consumer has as much waiting as it may. */
  readonly isFull: boolean
  /** Resolves when the consumer takes more. */
  room(): Promise<void>
}
