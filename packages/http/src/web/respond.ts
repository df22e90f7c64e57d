import type { Hub } from '@tailrace/hub'
import { handleHistory } from '../app/history.ts'
import type { ServeHistoryOptions } from '../app/history.ts'
import { handleOneOff } from '../app/one-off.ts'
import type { ServeStreamOptions } from '../app/one-off.ts'
import { handlePublish } from '../app/publish.ts'
import type { ServePublishOptions } from '../app/publish.ts'
import { handleStream } from '../app/stream.ts'
import type { ServeOptions } from '../app/stream.ts'
import type { Exchange } from '../exchange.ts'
import { WebExchange } from './exchange.ts'

/**
 * Responds to a request with a stream of topics, or with a refusal. The stream ends when the signal of the request is
 * aborted, or its body is cancelled.
 */
export function respond(hub: Hub, request: Request, options: ServeOptions): Promise<Response> {
  return answer(request, options, (exchange) => handleStream(hub, exchange, options))
}

/** Responds to a request with a page of the history of topics, as JSON, or with a refusal. */
export function respondHistory(hub: Hub, request: Request, options: ServeHistoryOptions): Promise<Response> {
  return answer(request, options, (exchange) => handleHistory(hub, exchange, options))
}

/** Publishes the body of a request, as it was sent, and responds with its place, or with a refusal. */
export function respondPublish(hub: Hub, request: Request, options: ServePublishOptions): Promise<Response> {
  return answer(request, {}, (exchange) => handlePublish(hub, exchange, options))
}

/**
 * Responds to requests for a one-off stream: to `POST`, which opens it, and `GET`, which attaches to it, with the stream;
 * `DELETE` cancels it. The stream continues when its readers leave.
 */
export function respondStream(hub: Hub, request: Request, options: ServeStreamOptions): Promise<Response> {
  return answer(request, options, (exchange) => handleOneOff(hub, exchange, options))
}

async function answer(
  request: Request,
  { compression }: Pick<ServeOptions, 'compression'>,
  handle: (exchange: Exchange) => Promise<void>,
): Promise<Response> {
  const exchange = new WebExchange(request, { compression })
  try {
    const [response] = await Promise.all([exchange.response, Promise.resolve(exchange).then(handle)])
    return response
  } catch (error) {
    exchange.cut()
    throw error
  }
}
