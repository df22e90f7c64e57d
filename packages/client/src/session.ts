import type { DecodedEvent } from '@tailrace/wire'
import type { Backoff } from './backoff.ts'
import type { Status } from './items.ts'
import type { ResolvedOptions } from './options.ts'
import type { Queue } from './queue.ts'
import type { HeadersUse } from './request.ts'

/** A subscription as whatever feeds it sees it: connections, polls, and other tabs. */
export interface Session extends HeadersUse {
  readonly settings: ResolvedOptions
  readonly backoff: Backoff
  /** The place to go on from. */
  lastEventId: string
  /** The newest events, as `keyOf` in `connection.ts` has them: what the next connection begins with is dropped if it is here. */
  readonly seen: Set<string>
  /** How long the server may send nothing, in milliseconds; 0 is for ever. */
  readTimeoutMs: number
  /** The server may know long-polling. */
  canPoll: boolean
  /** Closed, or the topics have ended. */
  isOver?: boolean
  /** Ends what is under way: a connection, or a wait. */
  interrupt?: (() => void) | undefined
  /** The network or the machine is back: what is under way may be dead, or need not be waited for. */
  wake?: (() => void) | undefined
  /** Gives an event to the consumer. */
  take(event: DecodedEvent): Promise<void>
  tell(status: Status): void
  /** What waits for the consumer. */
  readonly queue: Pick<Queue<unknown>, 'isFull' | 'room'>
}
