import { ReportRate } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { READ_ONLY_GATE } from './app-gate.ts'
import { HttpError } from './errors.ts'
import type { ProblemCode } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { permit } from './gate.ts'
import type { Client, Gate } from './gate.ts'
import type { Call } from './call.ts'
import { answerOtherMethod } from './other-method.ts'
import { onlyProcess } from './processes.ts'
import type { Processes } from './processes.ts'
import { toProblem } from './problem.ts'
import type { Problem } from './problem.ts'
import { refuseUnknown, single } from './query.ts'
import { refuse } from './refusal.ts'
import { RouteTable } from './route-table.ts'
import type { Found, Route } from './route-table.ts'
import { openStream } from './stream.ts'
import { TAILRACE_ROUTES } from './tailrace-routes.ts'
import { parseTarget } from './target.ts'
import { whenKnown } from './when-known.ts'

/** How a hub is served: its rules, its routes, and where failures are reported. */
export interface ProtocolOptions {
  /** @defaultValue anyone on this machine may subscribe, nobody may publish or purge */
  readonly gate?: Gate | undefined
  /** @defaultValue {@link TAILRACE_ROUTES} */
  readonly routes?: readonly Route[] | undefined
  /** @defaultValue this process is the only one of the hub */
  readonly processes?: Processes | undefined
  /** Called with failures of this side, as opposed to mistakes of clients. */
  onError(error: unknown): void
  /**
   * Called for each request that is rejected, with the reason and the setting of the limit that it reached.
   * @defaultValue nothing is called
   */
  readonly onRefused?: ((code: ProblemCode, limit?: string) => void) | undefined
}

/** What was reported to each recipient. The parts of one server have the same one, and an outage is news only once. */
const rates = new WeakMap<ProtocolOptions['onError'], ReportRate>()

const NO_PARAMETERS: ReadonlySet<string> = new Set()
const NOBODY: Client = { address: '' }

/** Answers exchanges according to a table of routes. */
export function createProtocol(
  hub: Hub,
  {
    gate = READ_ONLY_GATE,
    routes = TAILRACE_ROUTES,
    processes = onlyProcess(hub, gate),
    onError,
    onRefused,
  }: ProtocolOptions,
): (exchange: Exchange) => void {
  const table = new RouteTable(routes)
  const rate = rates.get(onError) ?? new ReportRate()
  rates.set(onError, rate)

  function handle(exchange: Exchange): void | Promise<void> {
    const { path, query } = parseTarget(exchange.target)
    const found = table.find(path)
    const route = routeOf(exchange, found)
    if (route === undefined) return
    const { access = 'client', parameters = NO_PARAMETERS, method, stream } = route
    // A publish takes its fields from headers: a `?key=` would be silently ignored.
    if (method !== 'GET') refuseUnknown(query, parameters)
    const ticket = stream === undefined ? undefined : takeTicket(query)
    const facts = { method: exchange.method, header: (name: string) => exchange.header(name), ticket }
    const known = access === 'anyone' ? NOBODY : gate.identify(facts, exchange.remoteAddress)
    return whenKnown(known, (client) =>
      admit(route, { hub, processes, gate, client, exchange, query, rest: found!.rest }),
    )
  }

  function admit(route: Route, call: Call): void | Promise<void> {
    // A client may leave after it has sent all of a publish. A client that reads must still be there.
    if (route.method === 'GET' && call.exchange.isGone) return
    if (route.access !== 'admin') return run(route, call)
    return whenKnown(permit(gate.mayAdminister(call.client), 'administer this hub'), () => run(route, call))
  }

  function run({ stream, handle: answer }: Route, call: Call): Promise<void> {
    const { exchange, query, rest } = call
    if (stream !== undefined) {
      exchange.appendHeader('Vary', 'Accept')
      const subscription = stream.read({ head: exchange, query, rest })
      if (subscription !== undefined) return openStream(call, subscription, stream.headers)
    }
    if (answer !== undefined) return answer(call)
    throw new HttpError('not-acceptable', 'There is a stream here, and nothing else.')
  }

  /** Whether an error must be reported to the operator, not only to the client. Too much load is not a failure. */
  function isNews(error: unknown, { code, status }: Problem): boolean {
    const isOurs =
      status >= 500 &&
      code !== 'busy' &&
      code !== 'unsupported' &&
      (!HttpError.is(error) || code === 'keys-unavailable')
    // The interruption was reported when it began.
    if (hub.interruption !== undefined && (code === 'unreachable' || code === hub.interruption.code))
      return false
    return isOurs && (status !== 503 || rate.take(code))
  }

  function fail(exchange: Exchange, error: unknown): void {
    // The client sent half a body and left. It gets no answer, and this is not an error of the hub.
    if (exchange.isGone) return
    const problem = toProblem(error)
    if (isNews(error, problem)) onError(error)
    // The client took too long, and has already received the reason.
    if (exchange.isEnded) return
    if (refuse(hub, exchange, error, problem)) onRefused?.(problem.code, limitOf(error))
  }

  return (exchange) => {
    for (const [name, value] of Object.entries(gate.corsHeaders(exchange.header('origin')))) {
      exchange.setHeader(name, value)
    }
    exchange.setHeader('X-Content-Type-Options', 'nosniff')
    try {
      Promise.resolve(handle(exchange)).catch((error: unknown) => fail(exchange, error))
    } catch (error) {
      fail(exchange, error)
    }
  }
}

/**
 * The route of a request. Undefined if it has been answered, because it asked which methods there are.
 *
 * @throws HttpError `not-found` or `method-not-allowed`
 */
function routeOf(exchange: Exchange, found: Found | undefined): Route | undefined {
  const method = exchange.method === 'HEAD' ? 'GET' : exchange.method
  const route = found?.methods.get(method)
  const holds = (one: Route): boolean => one.holds?.(exchange) ?? true
  if (route !== undefined && holds(route)) return route
  const known = [...(found?.methods.values() ?? [])].filter(holds)
  if (known.length === 0) {
    const detail = 'There is nothing here: try /topics/<topic> or /events?topic=<selector>.'
    throw new HttpError('not-found', detail)
  }
  answerOtherMethod(
    exchange,
    known.map((one) => one.method),
  )
  return undefined
}

/** Removes the ticket from a query and returns it. */
function takeTicket(query: URLSearchParams): string | undefined {
  const ticket = single(query, 'ticket')
  query.delete('ticket')
  return ticket
}

function limitOf(error: unknown): string | undefined {
  return HttpError.is(error) ? error.details['limit']?.toString() : undefined
}
