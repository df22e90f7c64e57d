import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve, serveHistory, servePublish } from '@tailrace/http/node'
import type { Hub } from '@tailrace/hub'
import type { HttpSubject } from '../../src/index.ts'
import { APP_PATHS, chosen, chosenTopic } from './app.ts'
import { openHub, ORIGIN } from './hub.ts'

/** The three handlers of an application, for frameworks with requests of `node:http`. */
export interface NodeHandlers {
  events(request: IncomingMessage, response: ServerResponse): Promise<void>
  history(request: IncomingMessage, response: ServerResponse): Promise<void>
  publish(request: IncomingMessage, response: ServerResponse): Promise<void>
}

function handlersOf(hub: Hub): NodeHandlers {
  return {
    events: (request, response) => serve(hub, request, response, chosen(request.url!)),
    history: (request, response) => serveHistory(hub, request, response, chosen(request.url!)),
    publish: (request, response) =>
      servePublish(hub, request, response, { topic: chosenTopic(request.url!), allowOrigins: [ORIGIN] }),
  }
}

/** Starts an application with a hub of its own, on `node:http`. */
export async function openNodeApp(
  create: (handlers: NodeHandlers) => RequestListener | Promise<RequestListener>,
): Promise<HttpSubject> {
  const { hub, ...control } = await openHub()
  const server = createServer(await create(handlersOf(hub)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    ...control,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    paths: APP_PATHS,
    allowedOrigin: ORIGIN,
    async close() {
      server.close()
      await control.close()
      server.closeAllConnections()
    },
  }
}
