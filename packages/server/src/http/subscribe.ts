import type { IncomingMessage, ServerResponse } from 'node:http'
import { Http2ServerResponse } from 'node:http2'
import { parseHistoryQuery, parseSubscription } from '@tailrace/hub'
import type { Hub, Peers, Sink, Subscription } from '@tailrace/hub'
import { createHttp2Sink } from '@tailrace/hub/http2'
import { createNodeSink, STREAM_HEADERS } from '@tailrace/hub/node'
import { requireNoTicket, requireSubscribe } from '../auth/access.ts'
import { JSON_TYPE, STREAM, wanted } from './accept.ts'
import { readerOf } from './gate.ts'
import { isGone, onceGone } from './gone.ts'
import { header } from './header.ts'
import { readHistory } from './history.ts'
import type { HistoryCall } from './history.ts'
import { HttpError } from './problem.ts'
import type { Problem } from './problem.ts'

/** A request for a stream or for history, and who makes it. */
export interface SubscribeCall extends HistoryCall {
  readonly peers: Peers | undefined
  readonly query: URLSearchParams
  readonly request: IncomingMessage
}

/** `GET /topics/<topic>` and `GET /events?topic=…`: a stream, or a page of history when JSON is asked for. */
export async function subscribe(call: SubscribeCall, topic: string | undefined): Promise<void> {
  const { client, query, request, response } = call
  response.appendHeader('Vary', 'Accept')
  const selectors = topic === undefined ? undefined : [topic]
  const type = wanted(request.headers.accept)
  if (type === STREAM) {
    const lastEventId = header(request, 'Last-Event-ID')
    const subscription = parseSubscription({ selectors, query, lastEventId })
    if (request.method === 'HEAD') {
      requireSubscribe(client.identity, subscription.selectors)
      response.writeHead(200, STREAM_HEADERS).end()
      return
    }
    await stream(call, subscription)
  } else if (type === JSON_TYPE) {
    requireNoTicket(client.identity)
    await readHistory(call, parseHistoryQuery({ selectors, query }))
  } else {
    throw new HttpError(
      'not-acceptable',
      `This is available as ${STREAM} and ${JSON_TYPE}: accept one of them.`,
    )
  }
}

async function stream(
  { hub, gate, peers, client, request, response }: SubscribeCall,
  subscription: Subscription,
): Promise<void> {
  onceGone(response, gate.admit(client, subscription.selectors))
  const reader = readerOf(client, request.httpVersionMajor > 1 ? 'http2' : 'http1')
  const until = client.identity.expiresAt
  const outcome = await hub.subscribe({ ...subscription, until, reader }, () => {
    if (isGone(response)) return undefined
    gate.requireStill(client)
    return sinkOf(response, peers)
  })
  // 204 is the one answer after which an EventSource does not come again (WHATWG HTML, 9.2.3).
  if (outcome === 'ended') response.writeHead(204).end()
}

function sinkOf(response: ServerResponse, peers: Peers | undefined): Sink {
  // What answers an HTTP/2 request only looks like a response: the stream below it knows its window.
  if (!(response instanceof Http2ServerResponse)) return createNodeSink(response, peers)
  return createHttp2Sink(response.stream, response.getHeaders(), peers)
}

/** Whether a request is one of an `EventSource`, as far as a server can tell. */
export function readsStreams({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers.accept?.includes(STREAM) === true
}

/** Sends a reader of streams away until later, with the headers of the problem. A 5xx would stop an `EventSource` for good. */
export function turnAway(
  hub: Hub,
  response: ServerResponse,
  code: string,
  { 'Retry-After': seconds = '0', Connection: connection }: Problem['headers'],
): void {
  if (connection !== undefined && response.req.httpVersionMajor === 1)
    response.setHeader('Connection', connection)
  response.writeHead(200, STREAM_HEADERS).end(hub.turnAway(code, Number(seconds) * 1_000))
}
