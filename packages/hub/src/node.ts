import type { ServerResponse } from 'node:http'
import type { Peers } from './peers.ts'
import type { Sink, SinkListener } from './sink.ts'

/** The head of every stream. No proxy may store, transform, compress or buffer it. */
export const STREAM_HEADERS: Readonly<Record<string, string>> = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-cache, no-transform',
  // nginx, and what has learned from it, buffers a response unless it is told not to.
  'X-Accel-Buffering': 'no',
  'X-Content-Type-Options': 'nosniff',
}

/** Starts a stream on a response of `node:http`: sends the head at once, then takes frames. */
export function createNodeSink(response: ServerResponse, peers?: Peers): Sink {
  let listener: SinkListener | undefined
  response.writeHead(200, STREAM_HEADERS)
  response.flushHeaders()
  const { socket } = response.req
  const onGone = (): void => listener?.closed(peers?.resetReason(socket))
  response.on('close', onGone)
  response.on('error', onGone)

  const onFlushed = (): void => {
    if (response.writableLength === 0 && !response.writableEnded) listener?.ready()
  }

  return {
    get isReady() {
      return response.writableLength === 0
    },
    movedAt: () => peers?.movedAt(socket) ?? 0,
    attach(to) {
      listener = to
      if (response.destroyed) to.closed()
    },
    write({ bytes }) {
      response.write(bytes, onFlushed)
    },
    end() {
      response.end()
    },
    destroy() {
      response.destroy()
    },
  }
}
