import { formatCursor, MAX_CURSOR_LENGTH, parseCursor } from '@tailrace/log'
import type { Cursor } from '@tailrace/log'
import type { GapReason } from './gap.ts'
import type { LogView } from './log-view.ts'
import type { Asker } from './read-queue.ts'

/** Where a reader starts: with everything retained, with new events, or after a cursor. */
export type Start =
  | { readonly at: 'oldest' }
  | { readonly at: 'tip' }
  /** `text` is what the reader sent. If it was malformed, `cursor` is undefined. */
  | { readonly at: 'cursor'; readonly cursor: Cursor | undefined; readonly text: string }

/** Parses a start: `start`, `now`, or a cursor. */
export function parseStart(text: string): Start {
  if (text === 'start') return { at: 'oldest' }
  if (text === 'now') return { at: 'tip' }
  // A gap repeats the text. No cursor is longer than this, so cutting a longer text cannot turn it into a cursor.
  return { at: 'cursor', cursor: parseCursor(text), text: text.slice(0, MAX_CURSOR_LENGTH) }
}

export function cursorStart(cursor: Cursor): Start {
  return { at: 'cursor', cursor, text: formatCursor(cursor.epoch, cursor.offset) }
}

/** An offset to start from, and, if the cursor could not be served, the reason. */
export interface Located {
  readonly offset: number
  readonly miss?: GapReason
}

export async function locate(log: LogView, start: Start, asker: Asker): Promise<Located> {
  if (start.at === 'oldest') return { offset: 0 }
  if (start.at === 'tip') return { offset: log.now }
  const { cursor } = start
  if (cursor === undefined) return { offset: 0, miss: 'unknown' }
  if (cursor.epoch !== log.epoch) return { offset: 0, miss: 'epoch' }
  // A cursor ahead of this node's tail may come from another node, and is valid. A cursor ahead of the log was never
  // issued by it.
  const isKnown = cursor.offset <= log.head || cursor.offset <= (await log.describe(asker)).newest
  return isKnown ? { offset: cursor.offset } : { offset: 0, miss: 'unknown' }
}
