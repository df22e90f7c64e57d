import { formatCursor } from '@tailrace/log'
import type { Cursor } from '@tailrace/log'

/** A cursor as readers see it. A text that a reader sent is returned unchanged. */
export function textOf(cursor: Cursor | string): string {
  return typeof cursor === 'string' ? cursor : formatCursor(cursor.epoch, cursor.offset)
}
