import { HubError } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { LogError } from '@tailrace/log'
import { READ_ONLY_GATE } from './app-gate.ts'
import type { Call } from './call.ts'
import { preflightHeaders } from './cors.ts'
import { HttpError } from './errors.ts'
import type { ProblemCode } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { permit } from './gate.ts'
import type { Client, Gate } from './gate.ts'
import { toProblem } from './problem.ts'
import type { Problem } from './problem.ts'
import { refuseUnknown, single } from './query.ts'
import { RouteTable } from './route-table.ts'
import type { Route } from './route-table.ts'
import { openStream, readsStreams, turnAway } from './stream.ts'
import { TAILRACE_ROUTES } from './tailrace-routes.ts'
import { parseTarget } from './target.ts'

export interface ProtocolOptions {
  /** @defaultValue anyone on this machine may subscribe, nobody may publish or purge */
  readonly gate?: Gate | undefined
  /** @defaultValue {@link TAILRACE_ROUTES} */
  readonly routes?: readonly Route[] | undefined
  /** Told of what went wrong here, as opposed to what a client did wrong. */
  onError(error: unknown): void
  /** Told of each request that is rejected: why, and the setting of the limit that it met. @defaultValue nobody is told */
  readonly onRefused?: ((code: ProblemCode, limit?: string) => void) | undefined
}

const NO_PARAMETERS: ReadonlySet<string> = new Set()
/** How often at most the operator is told of one outage (a full disk, say), which every request brings up again. */
const TELL_INTERVAL_MS = 30_000
const NOBODY: Client = { address: '' }

/** Answers exchanges as its table of routes says. */
export function createProtocol(
  hub: Hub,
  { gate = READ_ONLY_GATE, routes = TAILRACE_ROUTES, onError, onRefused }: ProtocolOptions,
): (exchange: Exchange) => void {
  const table = new RouteTable(routes)
  /** When the operator was last told of an outage. */
  const toldAt = new Map<ProblemCode, number>()

  async function handle(exchange: Exchange): Promise<void> {
    const { path, query } = parseTarget(exchange.target)
    const { methods, rest } = table.find(path) ?? { methods: new Map<string, Route>(), rest: undefined }
    const known = [...methods.values()].filter(({ holds }) => holds?.(exchange) ?? true)
    if (known.length === 0) {
      const detail = 'There is nothing here: try /topics/<topic> or /events?topic=<selector>.'
      throw new HttpError('not-found', detail)
    }
    const method = exchange.method === 'HEAD' ? 'GET' : exchange.method
    const route = known.find((one) => one.method === method)
    if (route === undefined) answerOther(exchange, known)
    else await follow(route, { exchange, query, rest })
  }

  async function follow(route: Route, request: Pick<Call, 'exchange' | 'query' | 'rest'>): Promise<void> {
    const { access = 'client', parameters = NO_PARAMETERS, method, stream } = route
    const { exchange, query, rest } = request
    // A publish says all that it has to say in headers: a `?key=` would be lost in silence.
    if (method !== 'GET') refuseUnknown(query, parameters)
    const ticket = stream === undefined ? undefined : takeTicket(query)
    const client =
      access === 'anyone'
        ? NOBODY
        : await gate.identify(
            { method: exchange.method, header: (name) => exchange.header(name), ticket },
            exchange.remoteAddress,
          )
    // A client that sent all of a publish may leave. One that reads has to be there.
    if (method === 'GET' && exchange.isGone) return
    if (access === 'admin') await permit(gate.mayAdminister(client), 'administer this hub')
    const call = { hub, gate, client, ...request }
    if (stream !== undefined) {
      exchange.appendHeader('Vary', 'Accept')
      const subscription = stream.read({ head: exchange, query, rest })
      if (subscription !== undefined) return openStream(call, subscription, stream.headers)
    }
    if (route.handle === undefined)
      throw new HttpError('not-acceptable', 'There is a stream here, and nothing else.')
    await route.handle(call)
  }

  function answerOther(exchange: Exchange, known: readonly Route[]): void {
    const methods = known.map(({ method }) => method)
    const allowed = [...(methods.includes('GET') ? ['HEAD'] : []), ...methods, 'OPTIONS'].join(', ')
    if (exchange.method !== 'OPTIONS') {
      const message = `This method is not allowed here: use ${allowed}.`
      throw new HttpError('method-not-allowed', message, { headers: { Allow: allowed } })
    }
    const isPreflight = exchange.header('access-control-request-method') !== undefined
    exchange.answer(204, { Allow: allowed, ...(isPreflight ? preflightHeaders(allowed) : {}) })
  }

  /** Whether the operator is to be told of an error, as opposed to the client alone. Too much at a time is no failure. */
  function isNews(error: unknown, { code, status }: Problem): boolean {
    const isOurs =
      status >= 500 &&
      code !== 'busy' &&
      code !== 'unsupported' &&
      (!HttpError.is(error) || code === 'keys-unavailable')
    // Reported when it began.
    if (code === 'unreachable' && hub.interruption !== undefined) return false
    if (!isOurs || status !== 503) return isOurs
    const now = performance.now()
    if (now - (toldAt.get(code) ?? -Infinity) < TELL_INTERVAL_MS) return false
    toldAt.set(code, now)
    return true
  }

  function fail(exchange: Exchange, error: unknown): void {
    // A client that sent half a body and left gets no answer, and is no error of ours.
    if (exchange.isGone) return
    const problem = toProblem(error)
    if (isNews(error, problem)) onError(error)
    // A client that took too long has been told so.
    if (exchange.isEnded) return
    // No answer is one that says neither yes nor no (spec/protocol.md, 2.3).
    if (LogError.is(error) && error.code === 'outcome-unknown') {
      exchange.cut()
      return
    }
    onRefused?.(problem.code, limitOf(error))
    const isPassing = problem.status === 503 || problem.status === 429
    if (isPassing && readsStreams(exchange) && !exchange.isAnswered)
      turnAway(hub, exchange, codeOf(error), problem.headers)
    else exchange.reject(problem)
  }

  return (exchange) => {
    for (const [name, value] of Object.entries(gate.corsHeaders(exchange.header('origin')))) {
      exchange.setHeader(name, value)
    }
    exchange.setHeader('X-Content-Type-Options', 'nosniff')
    handle(exchange).catch((error: unknown) => fail(exchange, error))
  }
}

/** Takes the ticket out of a query. */
function takeTicket(query: URLSearchParams): string | undefined {
  const ticket = single(query, 'ticket')
  query.delete('ticket')
  return ticket
}

function limitOf(error: unknown): string | undefined {
  return HttpError.is(error) ? error.details['limit']?.toString() : undefined
}

/** What a reader is told of why it was sent away. What is wrong with a log is no business of its readers. */
function codeOf(error: unknown): string {
  if (HttpError.is(error)) return error.code
  return HubError.is(error) && error.code === 'busy' ? 'busy' : 'log-unavailable'
}
