import type { Socket } from 'node:net'
import type { Payload, Peers, Sink } from '@tailrace/hub'
import type { HeaderFields } from '../exchange.ts'
import { ChunkedSink } from './chunked-sink.ts'
import { httpDate } from './http-date.ts'
import { descriptorOf, isGathering, isPlain, joinGroup, sendGroup } from './group-send.ts'
import type { GroupMember } from './group-send.ts'

/** How many bytes a reader may send after its request before it is cut. None are expected, but some clients send a line end. */
const MAX_STRAY_BYTES = 1024
/** How long the network may be silent before the kernel asks whether the reader is still there. */
const KEEP_ALIVE_MS = 30_000

// `Connection: close` (RFC 9112, section 9.6) is not sent, although the connection closes with the stream. With it,
// Node's fetch fails an assertion that cannot be caught if the stream is reset while its reader is not reading.
const HEAD = linesOf({ Vary: 'Accept', 'Transfer-Encoding': 'chunked' })
const LAST_CHUNK = Buffer.from('0\r\n\r\n')
const SINK: unique symbol = Symbol('tailrace.sink')
/** Instead of the number of a group: the socket always writes by itself. */
const ALONE = -1

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

/** Nobody else writes to its socket, so a write can be left to a group: nothing of others can come in between. */
class SocketSink extends ChunkedSink implements GroupMember {
  readonly #socket: SinkSocket
  /** The group that its last write was left to. */
  #group: number
  #strayBytes = 0

  constructor(socket: SinkSocket, headers: HeaderFields, peers: Peers | undefined) {
    super(socket, peers)
    this.#socket = socket
    this.#group = isPlain(socket) ? 0 : ALONE
    // The same functions for all sockets: a closure for each event would add a tenth to the cost of a reader.
    socket[SINK] = this
    // Keep reading. Otherwise, it would go unnoticed that the reader is gone.
    socket.on('data', countStray)
    socket.on('end', destroy)
    socket.on('error', destroy)
    socket.on('close', tellClosed)
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    socket.resume()
    socket.write(`HTTP/1.1 200 OK\r\n${linesOf(headers)}${HEAD}Date: ${httpDate()}\r\n\r\n`)
    this.awaitFlush()
  }

  countStray(bytes: number): void {
    this.#strayBytes += bytes
    if (this.#strayBytes > MAX_STRAY_BYTES) this.#socket.destroy()
  }

  override get isReady(): boolean {
    this.#settle()
    return this.isFlushed
  }

  override write(payload: Payload): void {
    this.#settle()
    if (this.#group !== ALONE && this.isFlushed) {
      this.#group = joinGroup(this, payload.chunked)
      if (this.#group > 0) return
    }
    super.write(payload)
  }

  descriptor(): number {
    return descriptorOf(this.#socket)
  }

  override destroy(): void {
    this.#settle()
    super.destroy()
  }

  end(): void {
    this.#settle()
    this.detach()
    this.#socket.end(LAST_CHUNK)
  }

  /** Completes the write that was left to a group, before anything else happens to the socket. */
  #settle(): void {
    if (isGathering(this.#group)) sendGroup()
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
