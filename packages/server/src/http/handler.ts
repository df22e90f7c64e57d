import type { IncomingMessage, ServerResponse } from 'node:http'
import { refuseUnknown } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { sendJson } from './json.ts'
import { HttpError, sendProblem, toProblem } from './problem.ts'
import { publish } from './publish.ts'
import { readsStreams, subscribe, turnAway } from './subscribe.ts'
import { parseTarget, topicOf } from './target.ts'
import { listTopics, purgeTopic } from './topics.ts'

export interface HandlerOptions {
  /** Told of what went wrong here, as opposed to what a client did wrong. */
  onError(error: unknown): void
}

/** Answers requests as `spec/protocol.md` says; mounts in any server of `node:http`. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** A publish says what it has to say in headers: a `?key=` would be lost in silence. */
const NO_PARAMETERS: ReadonlySet<string> = new Set()

type Method = (request: IncomingMessage, response: ServerResponse) => Promise<void>

export function createHandler(hub: Hub, options: HandlerOptions): Handler {
  /** The methods of a path; nothing when there is no such path. */
  function methodsOf(path: string, query: URLSearchParams): Readonly<Record<string, Method>> | undefined {
    switch (path) {
      case '/events':
        return { GET: (request, response) => subscribe(hub, undefined, query, request, response) }
      case '/topics':
        return {
          GET: (_, response) => listTopics(hub, query, response),
          POST: (request, response) => publish(hub, undefined, request, response),
        }
      case '/healthz':
        return { GET: async (_, response) => sendJson(response, 200, { status: 'ok' }) }
      case '/readyz':
        return { GET: (_, response) => ready(response) }
    }
    if (!path.startsWith('/topics/')) return undefined
    return {
      GET: (request, response) => subscribe(hub, topicOf(path), query, request, response),
      POST: (request, response) => publish(hub, topicOf(path), request, response),
      DELETE: (_, response) => purgeTopic(hub, topicOf(path), response),
    }
  }

  async function ready(response: ServerResponse): Promise<void> {
    await hub.ready()
    sendJson(response, 200, { status: 'ready' })
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { path, query } = parseTarget(request.url ?? '/')
    const methods = methodsOf(path, query)
    if (methods === undefined) {
      throw new HttpError(
        'not-found',
        'There is nothing here: try /topics/<topic> or /events?topic=<selector>.',
      )
    }
    const method = request.method === 'HEAD' ? 'GET' : (request.method ?? '')
    if (!Object.hasOwn(methods, method)) {
      const allowed = [...('GET' in methods ? ['HEAD'] : []), ...Object.keys(methods), 'OPTIONS'].join(', ')
      if (method === 'OPTIONS') {
        response.writeHead(204, { Allow: allowed }).end()
        return
      }
      throw new HttpError('method-not-allowed', `This takes ${allowed}.`, {}, { Allow: allowed })
    }
    if (method !== 'GET') refuseUnknown(query, NO_PARAMETERS)
    await methods[method]!(request, response)
  }

  return (request, response) => {
    handle(request, response).catch((error: unknown) => {
      // Whoever sent half a body and left gets no answer, and is no error of ours.
      if (response.destroyed) return
      const answer = toProblem(error)
      if (answer.status >= 500) options.onError(error)
      if (answer.status === 503 && readsStreams(request) && !response.headersSent) turnAway(hub, response)
      else sendProblem(response, answer)
    })
  }
}
