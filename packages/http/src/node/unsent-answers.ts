import { constants } from 'node:http2'
import type { Http2Session, ServerHttp2Stream } from 'node:http2'

/** The most memory that large answers of one HTTP/2 connection may use together. With HTTP/1.1, there is one at a time. */
const MAX_UNSENT_BYTES = 16 * 1024 * 1024

const unsent = new WeakMap<Http2Session, number>()

/**
 * Counts an answer until the client has received it or is gone. An answer that does not fit besides the others is
 * refused, and the client may ask again. Otherwise, a client with an exhausted flow-control window could keep all of
 * them in memory.
 *
 * @returns whether it may be sent
 */
export function holdUnsent(stream: ServerHttp2Stream, bytes: number): boolean {
  const { session } = stream
  if (session === undefined) return false
  const held = unsent.get(session) ?? 0
  if (held > 0 && held + bytes > MAX_UNSENT_BYTES) {
    stream.close(constants.NGHTTP2_REFUSED_STREAM)
    return false
  }
  unsent.set(session, held + bytes)
  stream.on('close', () => unsent.set(session, unsent.get(session)! - bytes))
  return true
}
