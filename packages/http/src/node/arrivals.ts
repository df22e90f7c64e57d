import { networkOf } from '@tailrace/hub'

/** Time that arrivals may take before everything else gets its turn, in milliseconds. */
const SLICE_MS = 4

/**
 * Connections that have sent their first bytes, and wait to be served. After a deployment, all readers return in the same
 * moment, and each costs a fraction of a millisecond, or a whole one for a TLS handshake. So only a few milliseconds'
 * worth are served in one iteration of the event loop, and the networks from which they come take turns.
 */
export class ArrivalQueue {
  /** What is to be done for each network, oldest first. The network whose turn is next comes first. */
  readonly #byNetwork = new Map<string, Set<() => void>>()
  #isWorking = false

  /**
   * @param address - of the client
   * @param serve - called when it is its turn; what it costs is counted to the end of the next tick
   * @returns a function that takes it off the queue
   */
  add(address: string, serve: () => void): () => void {
    const network = networkOf(address)
    const own = this.#byNetwork.get(network) ?? new Set()
    this.#byNetwork.set(network, own.add(serve))
    if (!this.#isWorking) {
      this.#isWorking = true
      // Once everything that has arrived is queued: whatever is read first would otherwise not have to take turns.
      setImmediate(() => void this.#work())
    }
    return () => void own.delete(serve)
  }

  async #work(): Promise<void> {
    let until = performance.now() + SLICE_MS
    for (let serve = this.#next(); serve !== undefined; serve = this.#next()) {
      serve()
      await new Promise<void>(process.nextTick)
      if (performance.now() < until) continue
      await new Promise(setImmediate)
      until = performance.now() + SLICE_MS
    }
    this.#isWorking = false
  }

  #next(): (() => void) | undefined {
    for (const [network, own] of this.#byNetwork) {
      const [first] = own
      // Behind all other networks, if it has more.
      this.#byNetwork.delete(network)
      if (first === undefined) continue
      own.delete(first)
      if (own.size > 0) this.#byNetwork.set(network, own)
      return first
    }
    return undefined
  }
}
