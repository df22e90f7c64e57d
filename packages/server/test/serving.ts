import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { createHub } from '@tailrace/hub'
import type { Hub, HubOptions } from '@tailrace/hub'
import { createMemoryLog } from '@tailrace/log'
import type { EventLog } from '@tailrace/log'
import { createHandler, createHttpServer, takeStreams } from 'tailrace'
import type { ServerLimits } from 'tailrace'

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
}

export async function startServing(options: ServingOptions = {}): Promise<Serving> {
  const { log = createMemoryLog(), hub: hubOptions = {}, ...limits } = options
  const hub = await createHub(log, hubOptions)
  const errors: unknown[] = []
  const handler = createHandler(hub, {
    onError: (error) => errors.push(error),
  })
  const allLimits = { maxHeadBytes: 16 * 1024, headTimeoutMs: 10_000, requestTimeoutMs: 60_000, ...limits }
  const server = createHttpServer(handler, allLimits)
  const cutStreams = takeStreams(server, hub, allLimits)
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
      await hub.close()
      server.closeAllConnections()
      cutStreams()
      await log.close()
    },
  }
}
