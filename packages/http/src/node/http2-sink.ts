import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { Peers, Sink, SinkListener } from '@tailrace/hub'
import { STREAM_HEADERS } from '../stream-headers.ts'

/** The error code of a stream that is not needed any more (RFC 9113, section 7). */
const CANCEL = 0x8
/** What is written at a time, so that a slow reader is seen to take some of a large payload: the size of a DATA frame. */
const PIECE_BYTES = 16 * 1024

/**
 * Starts a stream on a stream of `node:http2`: sends the head at once, then takes frames. The reader's
 * flow-control window is the back-pressure: while it is shut, the sink is not ready.
 *
 * @param peers - what the system knows about the reader
 */
export function createHttp2Sink(
  stream: ServerHttp2Stream,
  headers: OutgoingHttpHeaders = STREAM_HEADERS,
  peers?: Peers,
): Sink {
  let listener: SinkListener | undefined
  /** What is left of the payload after the piece that is on its way. */
  let rest: Uint8Array | undefined
  let isEnding = false
  let movedAt = 0
  // A session that is gone does not say any more whom it was with.
  const { remoteAddress, remotePort } = stream.session?.socket ?? {}
  const onGone = (): void => listener?.closed(peers?.resetReason({ remoteAddress, remotePort }))
  // A stream of which a part of the request is unread does not close until that is read.
  stream.on('aborted', onGone)
  stream.on('error', onGone)
  stream.on('close', onGone)
  // Not `writable`, which a request for the head alone is not.
  if (!stream.closed) stream.respond({ ':status': 200, ...inLowerCase(headers) })

  // A write is done when the window let all of it through and the connection took it, not before.
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

/** As RFC 9113, section 8.2.1, wants names; or one that is there in both would be there twice. */
function inLowerCase(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}
