import { parseCursor } from '@tailrace/log'
import type { GapReason } from './control.ts'
import type { LogView } from './log-view.ts'
import type { Asker } from './read-queue.ts'

/** An offset to start from; and, when a cursor named none, why. */
export interface Located {
  readonly offset: number
  readonly miss?: GapReason
}

/** Finds where `start`, `now` or a cursor is. */
export async function locate(log: LogView, from: string, asker: Asker): Promise<Located> {
  if (from === 'start') return { offset: 0 }
  if (from === 'now') return { offset: log.now }
  const cursor = parseCursor(from)
  if (cursor === undefined) return { offset: 0, miss: 'unknown' }
  if (cursor.epoch !== log.epoch) return { offset: 0, miss: 'epoch' }
  // Ahead of this node's tail, a cursor is another node's, and as good as ours; ahead of the log, it was
  // never handed out by it.
  const isKnown = cursor.offset <= log.head || cursor.offset <= (await log.describe(asker)).newest
  return isKnown ? { offset: cursor.offset } : { offset: 0, miss: 'unknown' }
}
