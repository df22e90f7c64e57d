import type { Dialect, Hub } from '@tailrace/hub'
import type { Exchange } from '../exchange.ts'
import { answerOtherMethod } from '../other-method.ts'
import { toProblem } from '../problem.ts'
import { isRefusal, refuse } from '../refusal.ts'

/** One request to a route of the application. */
export interface Asked {
  readonly hub: Hub
  readonly exchange: Exchange
  /** The only method of the route, besides those that follow from it. @defaultValue the handler decides */
  readonly method?: 'GET' | 'POST' | undefined
  /** How a reader of streams is turned away. @defaultValue the dialect of `spec/protocol.md` */
  readonly dialect?: Dialect | undefined
}

/**
 * Runs a handler. Refusals become the answer, and those that are not the reader's fault are reported to the hub as well.
 * Whatever else it throws is left to the application.
 */
export async function answering(
  { hub, exchange, method, dialect }: Asked,
  handle: () => Promise<void>,
): Promise<void> {
  exchange.setHeader('X-Content-Type-Options', 'nosniff')
  try {
    const isAsked = exchange.method === method || (exchange.method === 'HEAD' && method === 'GET')
    if (method === undefined || isAsked) await handle()
    else answerOtherMethod(exchange, [method])
  } catch (error) {
    if (!isRefusal(error)) throw error
    const problem = toProblem(error)
    // Too much load is not a failure.
    if (problem.status >= 500 && problem.code !== 'busy') hub.report(error)
    if (!exchange.isGone && !exchange.isEnded) refuse(hub, exchange, error, problem, dialect)
  }
}
