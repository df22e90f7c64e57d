import { createServer } from 'node:http'
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import { serve, serveHistory, servePublish } from '@tailrace/http/node'
import type { Hub } from '@tailrace/hub'
import type { HttpSubject } from '../../src/index.ts'
import { APP_PATHS, chosen, chosenTopic } from './app.ts'
import { ORIGIN } from './constants.ts'
import { openServer } from './listening.ts'

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

/** Starts an application with a hub of its own. */
export async function openNodeApp(
  create: (handlers: NodeHandlers) => RequestListener | Promise<RequestListener>,
  serverOf: (listener: RequestListener) => Server = createServer,
): Promise<HttpSubject> {
  const subject = await openServer(async (hub) => serverOf(await create(handlersOf(hub))))
  return { ...subject, paths: APP_PATHS, allowedOrigin: ORIGIN }
}
