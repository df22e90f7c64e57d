import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A page of another site than the hub's, which is `127.0.0.1`: a page that no server sent would be of the public network. */
export interface PageServer extends AsyncDisposable {
  readonly url: string
}

export async function servePage(html: string): Promise<PageServer> {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html', Connection: 'close' }).end(html)
  })
  server.listen(0, 'localhost')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://localhost:${port}/`,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
