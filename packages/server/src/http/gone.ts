import type { ServerResponse } from 'node:http'
import { constants, Http2ServerResponse } from 'node:http2'

/** Whether nobody is there any more to take an answer. One of `node:http2` does not say so by itself. */
export function isGone(response: ServerResponse): boolean {
  if (!(response instanceof Http2ServerResponse)) return response.destroyed
  const { stream } = response
  return stream.destroyed || stream.closed || stream.aborted
}

/** Calls back once the answer has been taken or nobody is there to take it: at once, where that is so already. */
export function onceGone(response: ServerResponse, tell: () => void): void {
  if (isGone(response)) {
    tell()
    return
  }
  response.on('close', tell)
  // A stream of which a part of the request is unread does not close until that is read.
  if (response instanceof Http2ServerResponse) response.stream.on('aborted', tell)
}

/** Ends without an answer. */
export function cut(response: ServerResponse): void {
  if (response instanceof Http2ServerResponse) response.stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  else response.destroy()
}
