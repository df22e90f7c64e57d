import type { Cursor } from '@tailrace/log'

/** Why a reader's cursor cannot be served. `overflow`: it was connected, but too slow, so retention overtook it. */
export type GapReason = 'expired' | 'epoch' | 'unknown' | 'overflow'

/** Events are lost between a reader's cursor and what follows. */
export interface Gap {
  readonly reason: GapReason
  /** The cursor that could not be served, as the reader sent it, or the place up to which it was served. */
  readonly from: string | Cursor
  /** The first event that is still retained, or the place of the next event if none is. */
  readonly oldest: Cursor
}
