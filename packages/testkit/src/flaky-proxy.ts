import { createServer, connect, type AddressInfo, type Socket } from 'node:net'

import { createFaults, type FaultCounts, type FaultOptions } from './faults.ts'
import { joinSockets, type Pair } from './pair.ts'

export type FlakyProxyOptions = FaultOptions

/** A TCP proxy that treats connections as networks do. Without options it only forwards bytes. */
export interface FlakyProxy extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** Number of open pairs. */
  connections(): number
  /** The faults so far, so that a test can assert that there were some. */
  faults(): FaultCounts
  /** Resets every open pair, in both directions. */
  cutAll(): void
  /** Stops all reading, so that both ends see a full socket. Later connections stop too. */
  pauseAll(): void
  resumeAll(): void
  /** From now on, connections are accepted and destroyed at once. Open connections stay. */
  refuse(isRefusing: boolean): void
  /** Resets every open pair and refuses connections, like an outage, until `refuse(false)`. */
  interrupt(): void
  close(): Promise<void>
}

export async function startFlakyProxy(
  target: { host: string; port: number },
  options: FlakyProxyOptions = {},
): Promise<FlakyProxy> {
  const faults = createFaults(options)
  const pairs = new Set<Pair>()
  let isRefusing = false
  let isPaused = false

  // Half-open on both sides: a FIN is forwarded as a FIN and does not affect the other direction.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client: Socket) => {
    if (isRefusing) {
      faults.count('refused')
      client.on('error', () => {})
      client.destroy()
      return
    }
    const upstream = connect({ ...target, allowHalfOpen: true, noDelay: true })
    const pair = joinSockets(client, upstream, faults.ofConnection())
    if (isPaused) pair.pause()
    pairs.add(pair)
    void pair.closed.then(() => pairs.delete(pair))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo

  function cutAll(): void {
    for (const pair of pairs) {
      faults.count('cut')
      pair.reset()
    }
  }
  async function close(): Promise<void> {
    if (!server.listening) return
    const closed = new Promise((resolve) => server.close(resolve))
    for (const pair of pairs) pair.reset()
    await closed
  }

  return {
    url: `http://127.0.0.1:${port}`,
    port,
    connections: () => pairs.size,
    faults: faults.counts,
    cutAll,
    pauseAll() {
      isPaused = true
      for (const pair of pairs) pair.pause()
    },
    resumeAll() {
      isPaused = false
      for (const pair of pairs) pair.resume()
    },
    refuse(value) {
      isRefusing = value
    },
    interrupt() {
      isRefusing = true
      cutAll()
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
