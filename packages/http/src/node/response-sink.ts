import type { ServerResponse } from 'node:http'
import type { Peers, Sink, SinkListener } from '@tailrace/hub'
import type { HeaderFields } from '../exchange.ts'
import { STREAM_HEADERS } from '../stream-headers.ts'

/**
 * Starts a stream on a response of `node:http`: sends the head at once, and then accepts frames.
 *
 * @param peers - what the system knows about the reader
 */
export function createNodeSink(
  response: ServerResponse,
  headers: HeaderFields = STREAM_HEADERS,
  peers?: Peers,
): Sink {
  let listener: SinkListener | undefined
  response.writeHead(200, headers)
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
