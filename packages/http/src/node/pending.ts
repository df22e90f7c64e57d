import type { Duplex } from 'node:stream'

/** The setting that bounds them. */
export const PENDING_LIMIT = 'max-pending'
export const DEFAULT_MAX_PENDING_BYTES: number = 64 * 1024 * 1024

/** About what a connection costs before it has sent anything. */
const SOCKET_BYTES = 2 * 1024

/**
 * Connections that have yet to complete their TLS handshake or the head of their first request. Such a client
 * costs memory and has shown nothing, so there is a bound on all of them: beyond it the oldest is cut, which has had
 * the longest to get on. In bytes, since all readers of a hub may come back in the same moment, and be served.
 */
export class PendingConnections {
  readonly #maxBytes: number
  /** What each costs, the oldest first. */
  readonly #pending = new Map<Duplex, number>()
  // One function for all connections: a closure of each would cost memory for as long as its stream.
  readonly #settleClosed: (this: Duplex) => void
  #bytes = 0
  /** How many were cut. */
  cuts = 0

  constructor(maxBytes: number = DEFAULT_MAX_PENDING_BYTES) {
    this.#maxBytes = maxBytes
    const settle = (socket: Duplex): void => this.settle(socket)
    this.#settleClosed = function settleClosed() {
      settle(this)
    }
  }

  /** What all of them cost, in bytes. */
  get bytes(): number {
    return this.#bytes
  }

  /** @param bytes - what it costs beside its socket */
  add(socket: Duplex, bytes = 0): void {
    socket.on('close', this.#settleClosed)
    this.#pending.set(socket, 0)
    this.grow(socket, SOCKET_BYTES + bytes)
  }

  /** Counts what one has come to cost. */
  grow(socket: Duplex, bytes: number): void {
    const cost = this.#pending.get(socket)
    if (cost === undefined) return
    this.#pending.set(socket, cost + bytes)
    this.#bytes += bytes
    while (this.#bytes > this.#maxBytes) this.#cutOldest()
  }

  /** It has completed what it had to, and counts no more. */
  settle(socket: Duplex): void {
    const cost = this.#pending.get(socket)
    if (cost === undefined) return
    this.#pending.delete(socket)
    this.#bytes -= cost
    socket.off('close', this.#settleClosed)
  }

  #cutOldest(): void {
    const oldest = this.#pending.keys().next().value!
    this.settle(oldest)
    this.cuts += 1
    oldest.destroy()
  }
}
