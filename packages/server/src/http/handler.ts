import type { IncomingMessage, ServerResponse } from 'node:http'
import { HubError, refuseUnknown } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { LogError } from '@tailrace/log'
import { requireAdmin, requireSubscribe, withoutToken } from '../auth/access.ts'
import { preflightHeaders } from '../auth/cors.ts'
import { NO_RIGHTS } from '../auth/rights.ts'
import type { Client, ClientLimit } from '../limits/limits.ts'
import { listConnections } from '../observe/connections.ts'
import { sendMetrics } from '../observe/exposition.ts'
import type { Metrics } from '../observe/metrics.ts'
import { factsOf, OPEN_GATE } from './gate.ts'
import type { Gate } from './gate.ts'
import { cut, isGone } from './gone.ts'
import { sendJson } from './json.ts'
import { HttpError, sendProblem, toProblem } from './problem.ts'
import type { ProblemCode } from './problem.ts'
import { publish } from './publish.ts'
import { readsStreams, subscribe, turnAway } from './subscribe.ts'
import { parseTarget, topicOf } from './target.ts'
import { issueTicket } from './tickets.ts'
import { listTopics, purgeTopic } from './topics.ts'

export interface HandlerOptions {
  /** @defaultValue lets everybody do everything */
  readonly gate?: Gate | undefined
  /** Told of what went wrong here, as opposed to what a client did wrong. */
  onError(error: unknown): void
  /** What `GET /metrics` says; told of each refusal. @defaultValue there is no such path */
  readonly metrics?: Metrics | undefined
}

/** Answers requests as `spec/protocol.md` says; mounts in any server of `node:http`. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** A publish says what it has to say in headers: a `?key=` would be lost in silence. */
const NO_PARAMETERS: ReadonlySet<string> = new Set(['ticket'])

/** Asked by whoever runs the hub and by load balancers, who have no token and see nothing that needs one. */
const PROBES: ReadonlySet<string> = new Set(['/healthz', '/readyz'])
/** How often at most the operator is told of each kind of outage, which every request brings up again. */
const TELL_INTERVAL_MS = 30_000
const NOBODY: Client = { address: '', identity: withoutToken(NO_RIGHTS) }

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** What is done for whoever passed the gate. */
type Method = (exchange: Exchange, client: Client) => Promise<void>

export function createHandler(hub: Hub, { gate = OPEN_GATE, onError, metrics }: HandlerOptions): Handler {
  const toldAt = new Map<ProblemCode, number>()

  /** The methods of a path; nothing when there is no such path. */
  function methodsOf(path: string, query: URLSearchParams): Readonly<Record<string, Method>> | undefined {
    switch (path) {
      case '/events':
        return { GET: (exchange, client) => subscribe({ hub, gate, client, query, ...exchange }, undefined) }
      case '/topics':
        return {
          async GET({ response }, { identity }) {
            requireSubscribe(identity, ['**'])
            await listTopics(hub, query, response)
          },
          POST: (exchange, client) => publish({ hub, gate, client, ...exchange }, undefined),
        }
      case '/healthz':
        return { GET: async ({ response }) => sendJson(response, 200, { status: 'ok' }) }
      case '/readyz':
        return { GET: ({ response }) => ready(response) }
      case '/tickets':
        return { POST: ({ response }, client) => issueTicket(gate, client, response) }
      case '/connections':
        return {
          async GET({ response }, { identity }) {
            requireAdmin(identity)
            await listConnections(hub, query, response)
          },
        }
      case '/metrics':
        if (metrics === undefined) return undefined
        return {
          async GET({ response }, { identity }) {
            requireAdmin(identity)
            refuseUnknown(query, NO_PARAMETERS)
            await sendMetrics(metrics, response)
          },
        }
    }
    if (!path.startsWith('/topics/')) return undefined
    return {
      GET: (exchange, client) => subscribe({ hub, gate, client, query, ...exchange }, topicOf(path)),
      POST: (exchange, client) => publish({ hub, gate, client, ...exchange }, topicOf(path)),
      async DELETE({ response }, { identity }) {
        requireAdmin(identity)
        await purgeTopic(hub, topicOf(path), response)
      },
    }
  }

  async function ready(response: ServerResponse): Promise<void> {
    if (gate.isDraining) throw new HttpError('draining', 'This hub is about to stop.')
    await hub.ready()
    sendJson(response, 200, { status: 'ready' })
  }

  async function handle(exchange: Exchange): Promise<void> {
    const { request } = exchange
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
      answerOther(method, Object.keys(methods), exchange)
      return
    }
    if (method !== 'GET') refuseUnknown(query, NO_PARAMETERS)
    const client = PROBES.has(path)
      ? NOBODY
      : await gate.identify(factsOf(request, query), request.socket.remoteAddress)
    query.delete('ticket')
    // Who sent all of a publish may leave. Who reads has to be there.
    if (method === 'GET' && isGone(exchange.response)) return
    await methods[method]!(exchange, client)
  }

  /** Whether an outage is to be reported again. A fault of the hub always is. */
  function isNews(code: ProblemCode): boolean {
    const now = performance.now()
    if (code === 'internal') return true
    if (now - (toldAt.get(code) ?? -Infinity) < TELL_INTERVAL_MS) return false
    toldAt.set(code, now)
    return true
  }

  function answerOther(method: string, known: readonly string[], { request, response }: Exchange): void {
    const allowed = [...(known.includes('GET') ? ['HEAD'] : []), ...known, 'OPTIONS'].join(', ')
    if (method !== 'OPTIONS') {
      throw new HttpError('method-not-allowed', `This takes ${allowed}.`, {}, { Allow: allowed })
    }
    const isPreflight = request.headers['access-control-request-method'] !== undefined
    response.writeHead(204, { Allow: allowed, ...(isPreflight ? preflightHeaders(allowed) : {}) }).end()
  }

  return (request, response) => {
    for (const [name, value] of Object.entries(gate.corsHeaders(request.headers.origin))) {
      response.setHeader(name, value)
    }
    response.setHeader('X-Content-Type-Options', 'nosniff')
    handle({ request, response }).catch((error: unknown) => {
      // Whoever sent half a body and left gets no answer, and is no error of ours.
      if (isGone(response)) return
      const answer = toProblem(error)
      // Too much at a time is no failure: it is counted, and each client is told.
      const isOurs = answer.status >= 500 && !(error instanceof HttpError) && answer.code !== 'busy'
      if ((isOurs || answer.code === 'keys-unavailable') && isNews(answer.code)) onError(error)
      // Who took too long has been told so.
      if (response.writableEnded) return
      // No answer is one that says neither yes nor no (spec/protocol.md, 2.3).
      if (LogError.is(error) && error.details['mayBeStored'] === true) {
        cut(response)
        return
      }
      metrics?.refused(answer.code, limitOf(error))
      const isPassing = answer.status === 503 || answer.status === 429
      if (isPassing && readsStreams(request) && !response.headersSent) turnAway(hub, response, codeOf(error))
      else sendProblem(response, answer)
    })
  }
}

function limitOf(error: unknown): ClientLimit | undefined {
  return error instanceof HttpError ? (error.details['limit'] as ClientLimit | undefined) : undefined
}

/** What a reader is told of why it was sent away. What is wrong with a log is no business of its readers. */
function codeOf(error: unknown): string {
  if (error instanceof HttpError) return error.code
  return HubError.is(error) && error.code === 'busy' ? 'busy' : 'log-unavailable'
}
