import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { openHub } from './hub.ts'
import type { OwnHub } from './hub.ts'
import type { HttpSubject } from '../../src/index.ts'

/** Starts a server of `node:http` with a hub of its own. */
export async function openServer(
  create: (hub: OwnHub['hub']) => Server | Promise<Server>,
): Promise<HttpSubject & Pick<OwnHub, 'close'>> {
  const { hub, ...control } = await openHub()
  const server = await create(hub)
  // Some frameworks leave it to this to close a connection whose request was refused in the middle.
  server.keepAliveTimeout = 300
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    ...control,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.close()
      await control.close()
      // A server of HTTP/2 has no such method; its connections are closed by the client.
      server.closeAllConnections?.()
    },
  }
}
