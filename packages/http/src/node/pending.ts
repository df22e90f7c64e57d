import type { Duplex } from 'node:stream'

/** The setting that bounds them. */
export const PENDING_LIMIT = 'max-pending'
export const DEFAULT_MAX_PENDING = 2_000

/**
 * Connections that have yet to complete their TLS handshake or the head of their first request. Such a client
 * costs memory and has shown nothing, so there is a bound on them: one more cuts the oldest, which has had the
 * longest to get on.
 */
export class PendingConnections {
  readonly #max: number
  /** The oldest first. */
  readonly #pending = new Set<Duplex>()
  // One function for all connections: a closure of each would cost memory for as long as its stream.
  readonly #settleClosed: (this: Duplex) => void
  /** How many were cut. */
  cuts = 0

  constructor(max: number = DEFAULT_MAX_PENDING) {
    this.#max = max
    const pending = this.#pending
    this.#settleClosed = function settleClosed() {
      pending.delete(this)
    }
  }

  get size(): number {
    return this.#pending.size
  }

  add(socket: Duplex): void {
    if (this.#pending.has(socket)) return
    if (this.#pending.size >= this.#max) this.#cutOldest()
    this.#pending.add(socket)
    socket.on('close', this.#settleClosed)
  }

  /** It has completed what it had to, and counts no more. */
  settle(socket: Duplex): void {
    if (this.#pending.delete(socket)) socket.off('close', this.#settleClosed)
  }

  #cutOldest(): void {
    const [oldest] = this.#pending
    if (oldest === undefined) return
    this.settle(oldest)
    this.cuts += 1
    oldest.destroy()
  }
}
