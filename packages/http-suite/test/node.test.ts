import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import { testContract } from './contract.ts'
import { APP_ABILITIES } from './ways/app.ts'
import { openNodeApp } from './ways/node-app.ts'
import type { NodeHandlers } from './ways/node-app.ts'

function listenerOf(handlers: NodeHandlers): RequestListener {
  return (request, response) => {
    const name = request.url!.split('?', 1)[0]!.slice(1) as keyof NodeHandlers
    void handlers[name](request, response)
  }
}

testContract({
  id: 'node-http',
  name: '`node:http`',
  abilities: APP_ABILITIES,
  open: () => openNodeApp(listenerOf),
})

testContract({
  id: 'node-http2',
  name: '`node:http2`',
  abilities: APP_ABILITIES.filter((ability) => ability !== 'http1'),
  open: async () => ({ ...(await openNodeApp(listenerOf, createHttp2)), httpVersion: 2 }),
})

function createHttp2(listener: RequestListener): Server {
  const server = createHttp2Server((request, response) => {
    listener(request as unknown as IncomingMessage, response as unknown as ServerResponse)
  })
  return server as unknown as Server
}
