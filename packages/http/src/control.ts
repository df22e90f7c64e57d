import type { GapReason } from '@tailrace/hub'
import { encodeEvent } from '@tailrace/wire'

/** The facts of a gap that a reader receives, in `tailrace.gap` and in a 410 answer. */
export interface GapFacts {
  readonly reason: GapReason
  /** The cursor that could not be served, as the reader sent it. */
  readonly from: string
  /** The cursor of the first event that is still retained, or of the next event if none is. */
  readonly oldest: string
}

/** Replay or snapshot is complete; what follows is live. From the heartbeat, a reader can tell when its hub is gone. */
export function encodeLive(id: string, heartbeatMs: number): Uint8Array {
  return Buffer.from(encodeEvent({ type: 'tailrace.live', data: JSON.stringify({ heartbeatMs }), id }))
}

/** Events are lost between the reader's cursor and what follows. */
export function encodeGap(gap: GapFacts, id: string): Uint8Array {
  return Buffer.from(encodeEvent({ type: 'tailrace.gap', data: JSON.stringify(gap), id }))
}

/** Every selected topic has ended; `topic` is the one that ended last. */
export function encodeEnd(topic: string, id: string): Uint8Array {
  return Buffer.from(encodeEvent({ type: 'tailrace.end', data: JSON.stringify({ topic }), id }))
}

/** The server closes the stream for a reason that the reader should know. The id does not change. */
export function encodeError(code: string): Uint8Array {
  return Buffer.from(encodeEvent({ type: 'tailrace.error', data: JSON.stringify({ code }) }))
}

/** How long to wait before a reconnect: sent first on every stream. */
export function encodeRetry(retryMs: number): Uint8Array {
  return Buffer.from(encodeEvent({ retry: Math.round(retryMs) }))
}
