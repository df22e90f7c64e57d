import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { Peers, Sink, SinkListener } from '@tailrace/hub'
import { STREAM_HEADERS } from '../stream-headers.ts'

/** The error code of a stream that is no longer needed (RFC 9113, section 7). */
const CANCEL = 0x8
/** How much is written at a time: one DATA frame, so that it shows when a slow reader accepts a part of a large payload. */
const PIECE_BYTES = 16 * 1024

/**
 * Starts an event stream on a stream of `node:http2`: sends the head at once, and then accepts frames. The reader's
 * flow-control window is the back-pressure: while it is exhausted, the sink is not ready.
 *
 * @param peers - what the system knows about the reader
 */
export function createHttp2Sink(
  stream: ServerHttp2Stream,
  headers: OutgoingHttpHeaders = STREAM_HEADERS,
  peers?: Peers,
): Sink {
  let listener: SinkListener | undefined
  /** The rest of the payload after the piece that is being written. */
  let rest: Uint8Array | undefined
  let isEnding = false
  let movedAt = 0
  // A closed session no longer knows its peer.
  const { remoteAddress, remotePort } = stream.session?.socket ?? {}
  const onGone = (): void => listener?.closed(peers?.resetReason({ remoteAddress, remotePort }))
  // A stream does not close while a part of its request is unread.
  stream.on('aborted', onGone)
  stream.on('error', onGone)
  stream.on('close', onGone)
  // Not `writable`, which is false for a `HEAD` request.
  if (!stream.closed) stream.respond({ ':status': 200, ...inLowerCase(headers) })

  // A write completes only when the window has admitted all of it and the connection has accepted it.
  function isReady(): boolean {
    return rest === undefined && stream.writableLength === 0 && stream.writable
  }

  function writePiece(bytes: Uint8Array): void {
    rest = bytes.length > PIECE_BYTES ? bytes.subarray(PIECE_BYTES) : undefined
    stream.write(rest === undefined ? bytes : bytes.subarray(0, PIECE_BYTES), onFlushed)
  }

  function onFlushed(): void {
    movedAt = performance.now()
    if (!stream.writable) return
    if (rest !== undefined) writePiece(rest)
    else if (isReady()) listener?.ready()
    if (isEnding && rest === undefined) stream.end()
  }

  return {
    get isReady() {
      return isReady()
    },
    attach(to) {
      listener = to
      if (!stream.writable) to.closed()
    },
    movedAt: () => movedAt,
    write({ bytes }) {
      if (rest !== undefined) rest = Buffer.concat([rest, bytes])
      else if (stream.writable) writePiece(bytes)
    },
    end() {
      if (rest === undefined) stream.end()
      else isEnding = true
    },
    destroy() {
      stream.close(CANCEL)
    },
  }
}

/** As RFC 9113, section 8.2.1, requires. Otherwise, a name in both spellings would be sent twice. */
function inLowerCase(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}
