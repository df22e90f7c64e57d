import type { HeaderFields } from './exchange.ts'

/** The head of every event stream. No proxy may store, transform, compress or buffer it. */
export const STREAM_HEADERS: HeaderFields = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-cache, no-transform',
  // nginx, and what has learned from it, buffers a response unless it is told not to.
  'X-Accel-Buffering': 'no',
  'X-Content-Type-Options': 'nosniff',
}
