import type { ServerResponse } from 'node:http'
import type { Payload, Peers, Sink, SinkListener } from '@tailrace/hub'
import type { HeaderFields } from '../exchange.ts'
import { STREAM_HEADERS } from '../stream-headers.ts'
import { http } from './builtin.ts'
import { ChunkedSink } from './chunked-sink.ts'

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
  response.writeHead(200, headers)
  response.flushHeaders()
  return isBare(response) ? new ResponseSink(response, peers) : createWrappedSink(response, peers)
}

/** Whether the body of a response goes to its socket now, in chunks, without middleware in between that wrapped `write`. */
function isBare(response: ServerResponse): boolean {
  const { socket, chunkedEncoding, writableCorked, write } = response
  return (
    socket !== null &&
    chunkedEncoding &&
    writableCorked === 0 &&
    write === http.ServerResponse.prototype.write
  )
}

/** Bypasses `write` of the response, which would frame each payload again for each reader. */
class ResponseSink extends ChunkedSink {
  readonly #response: ServerResponse

  constructor(response: ServerResponse, peers: Peers | undefined) {
    super(response.socket!, peers)
    this.#response = response
    response.on('close', () => this.closed())
    response.on('error', () => this.closed())
    this.awaitFlush()
  }

  override write(payload: Payload): void {
    // The application may have ended it, and the socket may serve the next request.
    if (!this.#response.writableEnded) super.write(payload)
  }

  end(): void {
    this.#response.end()
  }
}

/** For HTTP/1.0, for a response that waits behind another one on its connection, and for one that middleware wrapped. */
function createWrappedSink(response: ServerResponse, peers: Peers | undefined): Sink {
  let listener: SinkListener | undefined
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
