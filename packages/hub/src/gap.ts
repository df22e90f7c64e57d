import type { Cursor } from '@tailrace/log'

/** Why a reader's cursor cannot be served. `overflow`: it was connected, and too slow for what is retained. */
export type GapReason = 'expired' | 'epoch' | 'unknown' | 'overflow'

/** Events are lost between a reader's cursor and what follows. */
export interface Gap {
  readonly reason: GapReason
  /** The cursor that could not be served, as the reader sent it, or the place up to which it was served. */
  readonly from: string | Cursor
  /** The first event that is still there, or the place where the next will be. */
  readonly oldest: Cursor
}
