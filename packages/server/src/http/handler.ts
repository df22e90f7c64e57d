import type { IncomingMessage, ServerResponse } from 'node:http'
import { HubError, refuseUnknown, single } from '@tailrace/hub'
import type { Hub, Peers } from '@tailrace/hub'
import { LogError } from '@tailrace/log'
import { requireAdmin, withoutToken } from '../auth/access.ts'
import { preflightHeaders } from '../auth/cors.ts'
import { NO_RIGHTS } from '../auth/rights.ts'
import type { Client } from '../limits/limits.ts'
import { listConnections } from '../observe/connections.ts'
import { sendMetrics } from '../observe/exposition.ts'
import type { Metrics, RequestLimit } from '../observe/metrics.ts'
import { READ_ONLY_GATE } from './app-gate.ts'
import { factsOf } from './gate.ts'
import type { Gate } from './gate.ts'
import { cut, isGone } from './gone.ts'
import { sendJson } from './json.ts'
import { HttpError, sendProblem, toProblem } from './problem.ts'
import type { Problem, ProblemCode } from './problem.ts'
import { publish } from './publish.ts'
import { revokeConnection, revokeSubject } from './revoke.ts'
import { readsStreams, subscribe, turnAway } from './subscribe.ts'
import { parseTarget, topicOf } from './target.ts'
import { issueTicket } from './tickets.ts'
import { listTopics, purgeTopic } from './topics.ts'
import { sendWelcome, wantsPage } from './welcome.ts'
import type { Welcome } from './welcome.ts'

export interface HandlerOptions {
  /** @defaultValue anyone on this machine may subscribe, nobody may publish or purge */
  readonly gate?: Gate | undefined
  /** What the system knows about readers. @defaultValue nothing */
  readonly peers?: Peers | undefined
  /** Told of what went wrong here, as opposed to what a client did wrong. */
  onError(error: unknown): void
  /** What `GET /metrics` says; told of each refusal. @defaultValue there is no such path */
  readonly metrics?: Metrics | undefined
  /** What `GET /` shows a browser. @defaultValue there is no such path */
  readonly welcome?: Welcome | undefined
}

/** Answers requests as `spec/protocol.md` says; mounts in any server of `node:http`. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** A publish says what it has to say in headers: a `?key=` would be lost in silence. */
const NO_PARAMETERS: ReadonlySet<string> = new Set()
const SUBJECT_ONLY: ReadonlySet<string> = new Set(['subject'])

/** Before the id of a stream. */
const CONNECTION = '/connections/'
/** Asked by whoever runs the hub and by load balancers, who have no token and see nothing that needs one. */
const PROBES: ReadonlySet<string> = new Set(['/healthz', '/readyz'])
/** How often at most the operator is told of one outage (a full disk, say), which every request brings up again. */
const TELL_INTERVAL_MS = 30_000
const NOBODY: Client = { address: '', identity: withoutToken(NO_RIGHTS) }

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** What is done for whoever passed the gate. */
type Method = (exchange: Exchange, client: Client) => Promise<void>

export function createHandler(
  hub: Hub,
  { gate = READ_ONLY_GATE, peers, onError, metrics, welcome }: HandlerOptions,
): Handler {
  /** When the operator was last told of an outage. */
  const toldAt = new Map<ProblemCode, number>()

  /** The methods of a path; nothing when there is no such path. */
  function methodsOf(path: string, query: URLSearchParams): Readonly<Record<string, Method>> | undefined {
    switch (path) {
      case '/events':
        return {
          GET: (exchange, client) => subscribe({ hub, gate, peers, client, query, ...exchange }, undefined),
        }
      case '/topics':
        return {
          GET: ({ response }, client) => listTopics({ hub, gate, client, query, response }),
          POST: (exchange, client) => publish({ hub, gate, client, ...exchange }, undefined),
        }
      case '/healthz':
        return { GET: async ({ response }) => sendJson(response, 200, { status: 'ok' }) }
      case '/readyz':
        return { GET: ({ response }) => ready(response) }
      case '/tickets':
        return { POST: ({ request, response }, client) => issueTicket(gate, client, request, response) }
      case '/connections':
        return {
          async GET({ response }, { identity }) {
            requireAdmin(identity)
            await listConnections(hub, query, response)
          },
          async DELETE({ response }, { identity }) {
            requireAdmin(identity)
            await revokeSubject({ hub, gate, response }, query)
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
    if (path.startsWith(CONNECTION)) {
      return {
        async DELETE({ response }, { identity }) {
          requireAdmin(identity)
          await revokeConnection({ hub, gate, response }, path.slice(CONNECTION.length))
        },
      }
    }
    if (!path.startsWith('/topics/')) return undefined
    return {
      GET: (exchange, client) => subscribe({ hub, gate, peers, client, query, ...exchange }, topicOf(path)),
      POST: (exchange, client) => publish({ hub, gate, client, ...exchange }, topicOf(path)),
      async DELETE({ response }, { identity }) {
        requireAdmin(identity)
        await purgeTopic(hub, topicOf(path), response)
      },
    }
  }

  async function ready(response: ServerResponse): Promise<void> {
    if (gate.isDraining) throw new HttpError('draining', 'This hub is shutting down.')
    await hub.ready()
    sendJson(response, 200, { status: 'ready' })
  }

  /** Takes no token, as the page is where one is entered; what it does with the hub is checked like any request. */
  async function greet({ request, response }: Exchange, page: Welcome): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      answerOther(request.method ?? '', ['GET'], { request, response })
      return
    }
    const { method, header } = factsOf(request, undefined)
    const facts = {
      method,
      header: (name: string) => (name === 'host' ? header(name) : undefined),
      ticket: undefined,
    }
    await gate.identify(facts, request.socket.remoteAddress)
    sendWelcome(page, response)
  }

  async function handle(exchange: Exchange): Promise<void> {
    const { request } = exchange
    const { path, query } = parseTarget(request.url ?? '/')
    if (path === '/' && welcome !== undefined && wantsPage(request)) {
      await greet(exchange, welcome)
      return
    }
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
    if (method !== 'GET') refuseUnknown(query, path === '/connections' ? SUBJECT_ONLY : NO_PARAMETERS)
    const ticket = method === 'GET' && isOfTopics(path) ? takeTicket(query) : undefined
    const client = PROBES.has(path)
      ? NOBODY
      : await gate.identify(factsOf(request, ticket), request.socket.remoteAddress)
    // Who sent all of a publish may leave. Who reads has to be there.
    if (method === 'GET' && isGone(exchange.response)) return
    await methods[method]!(exchange, client)
  }

  /** Whether the operator is to be told of an error, as opposed to the client alone. Too much at a time is no failure. */
  function isNews(error: unknown, { code, status }: Problem): boolean {
    const isOurs =
      status >= 500 &&
      code !== 'busy' &&
      code !== 'unsupported' &&
      (!(error instanceof HttpError) || code === 'keys-unavailable')
    // Reported when it began.
    if (code === 'unreachable' && hub.interruption !== undefined) return false
    if (!isOurs || status !== 503) return isOurs
    const now = performance.now()
    if (now - (toldAt.get(code) ?? -Infinity) < TELL_INTERVAL_MS) return false
    toldAt.set(code, now)
    return true
  }

  function answerOther(method: string, known: readonly string[], { request, response }: Exchange): void {
    const allowed = [...(known.includes('GET') ? ['HEAD'] : []), ...known, 'OPTIONS'].join(', ')
    if (method !== 'OPTIONS') {
      throw new HttpError(
        'method-not-allowed',
        `This method is not allowed here: use ${allowed}.`,
        {},
        { Allow: allowed },
      )
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
      if (isNews(error, answer)) onError(error)
      // Who took too long has been told so.
      if (response.writableEnded) return
      // No answer is one that says neither yes nor no (spec/protocol.md, 2.3).
      if (LogError.is(error) && error.code === 'outcome-unknown') {
        cut(response)
        return
      }
      metrics?.refused(answer.code, limitOf(error))
      const isPassing = answer.status === 503 || answer.status === 429
      if (isPassing && readsStreams(request) && !response.headersSent) {
        turnAway(hub, response, codeOf(error), answer.headers)
      } else {
        sendProblem(response, answer)
      }
    })
  }
}

function isOfTopics(path: string): boolean {
  return path === '/events' || path.startsWith('/topics/')
}

/** Takes the ticket out of a query. */
function takeTicket(query: URLSearchParams): string | undefined {
  const ticket = single(query, 'ticket')
  query.delete('ticket')
  return ticket
}

function limitOf(error: unknown): RequestLimit | undefined {
  return error instanceof HttpError ? (error.details['limit'] as RequestLimit | undefined) : undefined
}

/** What a reader is told of why it was sent away. What is wrong with a log is no business of its readers. */
function codeOf(error: unknown): string {
  if (error instanceof HttpError) return error.code
  return HubError.is(error) && error.code === 'busy' ? 'busy' : 'log-unavailable'
}
