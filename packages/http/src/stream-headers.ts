import type { HeaderFields } from './exchange.ts'

/** The head of every event stream. No proxy may store, transform, compress or buffer it. */
export const STREAM_HEADERS: HeaderFields = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-cache, no-transform',
  // nginx, and proxies that follow its example, buffer a response unless this header forbids it.
  'X-Accel-Buffering': 'no',
  'X-Content-Type-Options': 'nosniff',
}
