import type { ServerResponse } from 'node:http'
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
export function createNodeSink(response: ServerResponse): Sink {
  let listener: SinkListener | undefined
  response.writeHead(200, STREAM_HEADERS)
  response.flushHeaders()
  response.on('close', () => listener?.closed())
  response.on('error', () => listener?.closed())

  const onFlushed = (): void => {
    if (response.writableLength === 0 && !response.writableEnded) listener?.ready()
  }

  return {
    get isReady() {
      return response.writableLength === 0
    },
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
