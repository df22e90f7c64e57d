import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Hub } from '@tailrace/hub'
import { handleHistory } from '../app/history.ts'
import type { ServeHistoryOptions } from '../app/history.ts'
import { handleOneOff } from '../app/one-off.ts'
import type { ServeStreamOptions } from '../app/one-off.ts'
import { handlePublish } from '../app/publish.ts'
import type { ServePublishOptions } from '../app/publish.ts'
import { handleStream } from '../app/stream.ts'
import type { ServeOptions } from '../app/stream.ts'
import { HttpError } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import { toProblem } from '../problem.ts'
import { exchangeOf } from './exchange.ts'

type NodeRequest = IncomingMessage | Http2ServerRequest
type NodeResponse = ServerResponse | Http2ServerResponse

/** What Node calls it if a head is sent twice. */
const HEAD_SENT: ReadonlySet<string | undefined> = new Set([
  'ERR_HTTP_HEADERS_SENT',
  'ERR_HTTP2_HEADERS_SENT',
])

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
  return answer(request, response, options, (exchange) => handleStream(hub, exchange, options))
}

/** Answers a request with a page of the history of topics, as JSON. Resolves and rejects as {@link serve}. */
export function serveHistory(
  hub: Hub,
  request: NodeRequest,
  response: NodeResponse,
  options: ServeHistoryOptions,
): Promise<void> {
  return answer(request, response, options, (exchange) => handleHistory(hub, exchange, options))
}

/** Publishes the body of a request, as it was sent. Resolves and rejects as {@link serve}. */
export function servePublish(
  hub: Hub,
  request: NodeRequest,
  response: NodeResponse,
  options: ServePublishOptions,
): Promise<void> {
  return answer(request, response, {}, (exchange) => handlePublish(hub, exchange, options))
}

/**
 * Answers requests for a one-off stream: `POST` opens it and answers with it, `GET` attaches to it, and `DELETE` cancels
 * it. Resolves and rejects as {@link serve}; the stream continues after that.
 */
export function serveStream(
  hub: Hub,
  request: NodeRequest,
  response: NodeResponse,
  options: ServeStreamOptions,
): Promise<void> {
  return answer(request, response, options, (exchange) => handleOneOff(hub, exchange, options))
}

async function answer(
  request: NodeRequest,
  response: NodeResponse,
  { compression }: Pick<ServeOptions, 'compression'>,
  handle: (exchange: Exchange) => Promise<void>,
): Promise<void> {
  if (response.headersSent) throw headSent()
  const exchange = exchangeOf(request as IncomingMessage, response as ServerResponse, { compression })
  const gone = new Promise<void>((resolve) => exchange.onceGone(resolve))
  try {
    await handle(exchange)
  } catch (error) {
    // Someone else answered meanwhile.
    if (HEAD_SENT.has((error as NodeJS.ErrnoException).code)) throw headSent(error)
    // Not every framework answers for a handler that failed, and an unanswered client would wait.
    if (!exchange.isGone && !exchange.isEnded) exchange.reject(toProblem(error))
    await gone
    throw error
  }
  await gone
}

function headSent(cause?: unknown): HttpError {
  const message = 'The head of this response was already sent, so the request cannot be answered.'
  return new HttpError('head-sent', message, { cause })
}
