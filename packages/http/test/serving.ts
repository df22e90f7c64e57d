import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import type { Compression, Gate } from '@tailrace/http'
import {
  createHandler,
  createHttpServer,
  takePlainRequests,
  createHttp2,
  PendingConnections,
  type ArrivalQueue,
} from '@tailrace/http/node'
import type { ServerLimits } from '@tailrace/http/node'
import { createHub } from '@tailrace/hub'
import type { Hub, HubOptions } from '@tailrace/hub'
import { createMemoryLog } from '@tailrace/log'
import type { EventLog } from '@tailrace/log'
import { OPEN_GATE } from '../src/gate.ts'

/** The real server in this process, on a port of its own. */
export interface Serving extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly hub: Hub
  readonly log: EventLog
  /** What the handler was at fault for. */
  readonly errors: unknown[]
  /** How many sockets are open. */
  connections(): Promise<number>
}

export interface ServingOptions extends Partial<ServerLimits> {
  /** @defaultValue a memory log of its own */
  readonly log?: EventLog | undefined
  readonly hub?: HubOptions | undefined
  /** What connections may cost that have yet to send the head of a request, in bytes. */
  readonly maxPendingBytes?: number | undefined
  /** @defaultValue nothing is compressed */
  readonly compression?: Compression | undefined
  /** Where connections wait for their turn. @defaultValue a queue of its own */
  readonly arrivals?: ArrivalQueue | undefined
  /** Whether plain requests go past `node:http`. @defaultValue true */
  readonly hasFront?: boolean | undefined
  /** What its gate does otherwise than one that lets everybody in. */
  readonly gate?: Partial<Gate> | undefined
  /** What its hub does otherwise, as far as requests can tell. */
  readonly around?: ((hub: Hub) => Partial<Hub>) | undefined
}

export async function startServing(options: ServingOptions = {}): Promise<Serving> {
  const {
    log = createMemoryLog(),
    hub: hubOptions = {},
    gate: own,
    around,
    maxPendingBytes,
    compression,
    arrivals,
    hasFront = true,
    ...limits
  } = options
  const hub = await createHub({ log, ...hubOptions })
  const gate: Gate = { ...OPEN_GATE, ...own }
  const errors: unknown[] = []
  const served = around === undefined ? hub : { ...hub, ...around(hub) }
  const onError = (error: unknown): void => void errors.push(error)
  const handler = createHandler(served, { gate, compression, onError })
  const allLimits = { maxHeadBytes: 16 * 1024, headTimeoutMs: 10_000, requestTimeoutMs: 60_000, ...limits }
  const server = createHttpServer(handler, allLimits)
  const pending = new PendingConnections(maxPendingBytes)
  const http2 = createHttp2(handler, allLimits, { pending })
  const front = hasFront
    ? takePlainRequests(server, served, allLimits, { gate, http2, pending, arrivals, compression, onError })
    : undefined
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    hub,
    log,
    errors,
    connections: () => promisify(server.getConnections.bind(server))(),
    async [Symbol.asyncDispose]() {
      server.close()
      front?.stop()
      await hub.close()
      server.closeAllConnections()
      http2.cut()
      front?.cut()
      await log.close()
    },
  }
}
