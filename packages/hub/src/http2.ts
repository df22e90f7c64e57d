import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { STREAM_HEADERS } from './node.ts'
import type { Sink, SinkListener } from './sink.ts'

/** The error code of a stream that is not needed any more (RFC 9113, section 7). */
const CANCEL = 0x8

/**
 * Starts a stream on a stream of `node:http2`: sends the head at once, then takes frames. The reader's
 * flow-control window is the back-pressure: while it is shut, the sink is not ready.
 *
 * @param headers - more than those of every stream
 */
export function createHttp2Sink(stream: ServerHttp2Stream, headers: OutgoingHttpHeaders = {}): Sink {
  let listener: SinkListener | undefined
  const onGone = (): void => listener?.closed()
  // A stream of which a part of the request is unread does not close until that is read.
  stream.on('aborted', onGone)
  stream.on('error', onGone)
  stream.on('close', onGone)
  // Not `writable`, which a request for the head alone is not.
  if (!stream.closed) stream.respond({ ':status': 200, ...inLowerCase({ ...headers, ...STREAM_HEADERS }) })

  // A write is done when the window let all of it through and the connection took it, not before.
  function isReady(): boolean {
    return stream.writableLength === 0 && stream.writable
  }

  function onFlushed(): void {
    if (isReady()) listener?.ready()
  }

  return {
    get isReady() {
      return isReady()
    },
    attach(to) {
      listener = to
      if (!stream.writable) to.closed()
    },
    write({ bytes }) {
      if (stream.writable) stream.write(bytes, onFlushed)
    },
    end() {
      stream.end()
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
