import { ReportRate } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { READ_ONLY_GATE } from './app-gate.ts'
import type { Call } from './call.ts'
import { HttpError } from './errors.ts'
import type { ProblemCode } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { permit } from './gate.ts'
import type { Client, Gate } from './gate.ts'
import { answerOtherMethod } from './other-method.ts'
import { onlyProcess } from './processes.ts'
import type { Processes } from './processes.ts'
import { toProblem } from './problem.ts'
import type { Problem } from './problem.ts'
import { refuseUnknown, single } from './query.ts'
import { refuse } from './refusal.ts'
import { RouteTable } from './route-table.ts'
import type { Route } from './route-table.ts'
import { openStream } from './stream.ts'
import { TAILRACE_ROUTES } from './tailrace-routes.ts'
import { parseTarget } from './target.ts'

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
  const rate = new ReportRate()

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
    if (route === undefined)
      answerOtherMethod(
        exchange,
        known.map((one) => one.method),
      )
    else await run(route, { exchange, query, rest })
  }

  async function run(route: Route, request: Pick<Call, 'exchange' | 'query' | 'rest'>): Promise<void> {
    const { access = 'client', parameters = NO_PARAMETERS, method, stream } = route
    const { exchange, query, rest } = request
    // A publish takes its fields from headers: a `?key=` would be silently ignored.
    if (method !== 'GET') refuseUnknown(query, parameters)
    const ticket = stream === undefined ? undefined : takeTicket(query)
    const client =
      access === 'anyone'
        ? NOBODY
        : await gate.identify(
            { method: exchange.method, header: (name) => exchange.header(name), ticket },
            exchange.remoteAddress,
          )
    // A client may leave after it has sent all of a publish. A client that reads must still be there.
    if (method === 'GET' && exchange.isGone) return
    if (access === 'admin') await permit(gate.mayAdminister(client), 'administer this hub')
    const call = { hub, processes, gate, client, ...request }
    if (stream !== undefined) {
      exchange.appendHeader('Vary', 'Accept')
      const subscription = stream.read({ head: exchange, query, rest })
      if (subscription !== undefined) return openStream(call, subscription, stream.headers)
    }
    if (route.handle === undefined)
      throw new HttpError('not-acceptable', 'There is a stream here, and nothing else.')
    await route.handle(call)
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
    handle(exchange).catch((error: unknown) => fail(exchange, error))
  }
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
