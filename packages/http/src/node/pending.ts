import type { Duplex } from 'node:stream'

/** The setting that bounds pending connections. */
export const PENDING_LIMIT = 'max-pending'
/** Maximum cost of all connections that have yet to send the head of a request, in bytes. */
export const DEFAULT_MAX_PENDING_BYTES: number = 64 * 1024 * 1024

/** The approximate cost of a connection before it has sent anything, in bytes. */
const SOCKET_BYTES = 2 * 1024

/**
 * Connections that have yet to complete their TLS handshake or the head of their first request. Such a client costs
 * memory and has not identified itself, so there is a bound on all of them. Beyond it, the oldest is cut, because it
 * has had the most time. The bound is in bytes, so that all readers of a hub can return at the same moment and be
 * served.
 */
export class PendingConnections {
  readonly #maxBytes: number
  /** The cost of each in bytes, oldest first. */
  readonly #pending = new Map<Duplex, number>()
  // One function for all connections: a closure for each would use memory for as long as its stream.
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

  /** The cost of all of them, in bytes. */
  get bytes(): number {
    return this.#bytes
  }

  /** @param bytes - its cost besides its socket */
  add(socket: Duplex, bytes = 0): void {
    socket.on('close', this.#settleClosed)
    this.#pending.set(socket, 0)
    this.grow(socket, SOCKET_BYTES + bytes)
  }

  /** Adds to the cost of a connection. */
  grow(socket: Duplex, bytes: number): void {
    const cost = this.#pending.get(socket)
    if (cost === undefined) return
    this.#pending.set(socket, cost + bytes)
    this.#bytes += bytes
    while (this.#bytes > this.#maxBytes) this.#cutOldest()
  }

  /** Stops counting a connection that is no longer pending. */
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
