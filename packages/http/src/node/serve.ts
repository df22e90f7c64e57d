import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Hub } from '@tailrace/hub'
import { serveTopics } from '../app/serve-topics.ts'
import type { ServeOptions } from '../app/serve-topics.ts'
import { HttpError } from '../errors.ts'
import { toProblem } from '../problem.ts'
import { exchangeOf } from './exchange.ts'
import type { NodeExchange } from './exchange.ts'

type NodeRequest = IncomingMessage | Http2ServerRequest
type NodeResponse = ServerResponse | Http2ServerResponse

/**
 * Answers a request with a stream of topics. Resolves when the reader is gone, or has received a refusal.
 *
 * @throws HttpError `head-sent` if an answer has begun; nothing is written
 */
export function serve(
  hub: Hub,
  request: NodeRequest,
  response: NodeResponse,
  options: ServeOptions,
): Promise<void> {
  return answer(request, response, (exchange) => serveTopics(hub, exchange, options))
}

async function answer(
  request: NodeRequest,
  response: NodeResponse,
  handle: (exchange: NodeExchange) => Promise<void>,
): Promise<void> {
  if (response.headersSent) {
    throw new HttpError(
      'head-sent',
      'The head of this response was already sent, so the request cannot be answered.',
    )
  }
  const exchange = exchangeOf(request as IncomingMessage, response as ServerResponse)
  const gone = new Promise<void>((resolve) => exchange.onceGone(resolve))
  try {
    await handle(exchange)
  } catch (error) {
    // Not every framework answers for a handler that failed, and an unanswered client would wait.
    if (!exchange.isGone && !exchange.isEnded) exchange.reject(toProblem(error))
    await gone
    throw error
  }
  await gone
}
