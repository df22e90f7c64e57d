import type { Socket } from 'node:net'
import type { Payload, Peers, Sink, SinkListener } from '@tailrace/hub'
import type { HeaderFields } from '../exchange.ts'

/** How many bytes a reader may send after its request before it is cut. None are expected, but some clients send a line end. */
const MAX_STRAY_BYTES = 1024
/** How long the network may be silent before the kernel asks whether the reader is still there. */
const KEEP_ALIVE_MS = 30_000

// `Connection: close` (RFC 9112, section 9.6) is not sent, although the connection closes with the stream. With it,
// Node's fetch fails an assertion that cannot be caught if the stream is reset while its reader is not reading.
const HEAD = linesOf({ Vary: 'Accept', 'Transfer-Encoding': 'chunked' })
const LAST_CHUNK = Buffer.from('0\r\n\r\n')
const NOTHING = Buffer.alloc(0)
const SINK: unique symbol = Symbol('tailrace.sink')

interface SinkSocket extends Socket {
  [SINK]?: SocketSink
}

/**
 * Starts a stream on a bare socket whose request has been read: HTTP/1.1, chunked. A reader costs no more than its
 * socket, and a payload is chunked once for all of them.
 *
 * @param peers - what the system knows about the reader. Without it, a reader must accept everything that was written
 * to it within the stall time, which may not be possible on a slow network
 */
export function createSocketSink(socket: Socket, headers: HeaderFields, peers?: Peers): Sink {
  return new SocketSink(socket, headers, peers)
}

class SocketSink implements Sink {
  readonly #socket: SinkSocket
  readonly #peers: Peers | undefined
  #listener: SinkListener | undefined
  #strayBytes = 0
  // Kept here because the socket is large: reading its state before each write costs a fetch from main memory.
  isReady = true

  constructor(socket: SinkSocket, headers: HeaderFields, peers: Peers | undefined) {
    this.#socket = socket
    this.#peers = peers
    // The same functions for all sockets: a closure for each event would add a tenth to the cost of a reader.
    socket[SINK] = this
    // Keep reading. Otherwise, it would go unnoticed that the reader is gone.
    socket.on('data', countStray)
    socket.on('end', destroy)
    socket.on('error', destroy)
    socket.on('close', tellClosed)
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    socket.resume()
    socket.write(`HTTP/1.1 200 OK\r\n${linesOf(headers)}${HEAD}Date: ${new Date().toUTCString()}\r\n\r\n`)
    this.#awaitFlush()
  }

  countStray(bytes: number): void {
    this.#strayBytes += bytes
    if (this.#strayBytes > MAX_STRAY_BYTES) this.#socket.destroy()
  }

  closed(): void {
    this.#listener?.closed(this.#peers?.resetReason(this.#socket))
  }

  // The kernel reports room again only when a third of its buffer is free, which may be a megabyte.
  movedAt(): number {
    return this.#peers?.movedAt(this.#socket) ?? 0
  }

  attach(listener: SinkListener): void {
    this.#listener = listener
    if (this.#socket.destroyed) listener.closed()
  }

  write({ chunked }: Payload): void {
    this.#socket.write(chunked)
    this.#awaitFlush()
  }

  end(): void {
    this.#listener = undefined
    this.#socket.end(LAST_CHUNK)
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /**
   * A callback for each write would cost a separate tick each time. Instead, an empty write after the bytes that did
   * not fit into the kernel's buffer reports when they have left.
   */
  #awaitFlush(): void {
    if (this.#socket.writableLength === 0) return
    this.isReady = false
    this.#socket.write(NOTHING, () => this.#onFlushed())
  }

  #onFlushed(): void {
    if (this.#socket.writableLength > 0) return
    this.isReady = true
    this.#listener?.ready()
  }
}

function linesOf(headers: HeaderFields): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
}

function countStray(this: SinkSocket, { length }: Buffer): void {
  this[SINK]?.countStray(length)
}

function tellClosed(this: SinkSocket): void {
  this[SINK]?.closed()
}

function destroy(this: Socket): void {
  this.destroy()
}
