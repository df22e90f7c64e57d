import { formatCursor } from '@tailrace/log'
import type { Cursor } from '@tailrace/log'

/** A place as readers see it; one that a reader sent stays as it was. */
export function textOf(cursor: Cursor | string): string {
  return typeof cursor === 'string' ? cursor : formatCursor(cursor.epoch, cursor.offset)
}
