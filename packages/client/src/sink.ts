import type { DecodedEvent } from '@tailrace/wire'
import type { Status } from './items.ts'

/** Where a feed's events go. */
export interface Sink {
  /** There is about to be another connection. */
  prepare?(): void
  /** Hands on an event that is not one of the hub's own. */
  take(event: DecodedEvent): void | Promise<void>
  tell(status: Status): void
  /** What was handed on has been dealt with up to here. */
  keep(id: string): void
  /** Too much waits to be dealt with. */
  readonly isFull: boolean
  /** Resolves when there is room again. */
  room(): Promise<void>
}
