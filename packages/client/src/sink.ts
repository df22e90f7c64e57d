import type { DecodedEvent } from '@tailrace/wire'
import type { Status } from './items.ts'

/** The receiver of a feed's events. */
export interface Sink {
  /** Called before each connection. */
  prepare?(): void
  /** Receives an event that is not one of the hub's own. */
  take(event: DecodedEvent): void | Promise<void>
  tell(status: Status): void
  /** Everything up to here was passed on. */
  keep(id: string): void
  /** Too many items are waiting. */
  readonly isFull: boolean
  /** Resolves when there is room again. */
  room(): Promise<void>
}
