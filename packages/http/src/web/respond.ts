import type { Hub } from '@tailrace/hub'
import { serveTopics } from '../app/serve-topics.ts'
import type { ServeOptions } from '../app/serve-topics.ts'
import { WebExchange } from './exchange.ts'

/**
 * Resolves with a stream of topics, or with a refusal. The stream ends when the signal of the request is aborted, or
 * its body is cancelled.
 */
export function respond(hub: Hub, request: Request, options: ServeOptions): Promise<Response> {
  return answer(request, (exchange) => serveTopics(hub, exchange, options))
}

async function answer(request: Request, handle: (exchange: WebExchange) => Promise<void>): Promise<Response> {
  const exchange = new WebExchange(request, '', undefined)
  const [response] = await Promise.all([exchange.response, handle(exchange)])
  return response
}
