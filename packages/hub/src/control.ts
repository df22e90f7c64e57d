import { formatCursor } from '@tailrace/log'
import type { Page } from '@tailrace/log'
import { encodeEvent } from '@tailrace/wire'

/** Why a reader's cursor cannot be served. `overflow`: it was connected, and too slow for what is retained. */
export type GapReason = 'expired' | 'epoch' | 'unknown' | 'overflow'

/** What a reader is told of a gap, in `tailrace.gap` and in the answer 410. */
export interface Gap {
  readonly reason: GapReason
  /** The cursor that could not be served, as the reader sent it. */
  readonly from: string
  /** The first event that is still there, or the place where the next will be. */
  readonly oldest: string
}

/** What a gap calls the oldest: the first event still there, or the place where the next will be. */
export function oldestOf(page: Page, epoch: string): string {
  return formatCursor(epoch, page.events[0]?.offset ?? page.next)
}

/** Replay or snapshot is complete; what follows is live. `heartbeatMs` is 0 where heartbeats are off. */
export function encodeLive(id: string, heartbeatMs: number): Uint8Array {
  return Buffer.from(encodeEvent({ type: 'tailrace.live', data: JSON.stringify({ heartbeatMs }), id }))
}

/** Events are lost between the reader's cursor and what follows. */
export function encodeGap(gap: Gap, id: string): Uint8Array {
  return Buffer.from(encodeEvent({ type: 'tailrace.gap', data: JSON.stringify(gap), id }))
}

/** Every selected topic has ended; `topic` is the one that ended last. */
export function encodeEnd(topic: string, id: string): Uint8Array {
  return Buffer.from(encodeEvent({ type: 'tailrace.end', data: JSON.stringify({ topic }), id }))
}

/** The server closes the stream for a reason that the reader should know. The id stays what it was. */
export function encodeError(code: string): Uint8Array {
  return Buffer.from(encodeEvent({ type: 'tailrace.error', data: JSON.stringify({ code }) }))
}

/** How long to wait before a reconnect: the first thing on every stream. */
export function encodeRetry(retryMs: number): Uint8Array {
  return Buffer.from(encodeEvent({ retry: Math.round(retryMs) }))
}
