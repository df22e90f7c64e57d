import type { IncomingMessage, ServerResponse } from 'node:http'
import { parseHistoryQuery, parseSubscription } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { createNodeSink, STREAM_HEADERS } from '@tailrace/hub/node'
import { JSON_TYPE, STREAM, wanted } from './accept.ts'
import { header } from './header.ts'
import { sendJson } from './json.ts'
import { HttpError, problem, sendProblem } from './problem.ts'

/** `GET /topics/<topic>` and `GET /events?topic=…`: a stream, or a page of history when JSON is asked for. */
export async function subscribe(
  hub: Hub,
  topic: string | undefined,
  query: URLSearchParams,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  response.setHeader('Vary', 'Accept')
  const selectors = topic === undefined ? undefined : [topic]
  const type = wanted(request.headers.accept)
  if (type === STREAM) {
    const lastEventId = header(request, 'Last-Event-ID')
    const subscription = parseSubscription({ selectors, query, lastEventId })
    if (request.method === 'HEAD') {
      response.writeHead(200, STREAM_HEADERS).end()
      return
    }
    const outcome = await hub.subscribe(subscription, () =>
      response.destroyed ? undefined : createNodeSink(response),
    )
    // 204 is the one answer after which an EventSource does not come again (WHATWG HTML, 9.2.3).
    if (outcome === 'ended') response.writeHead(204).end()
  } else if (type === JSON_TYPE) {
    await readHistory(hub, selectors, query, response)
  } else {
    throw new HttpError('not-acceptable', `There is ${STREAM} and ${JSON_TYPE} here: accept one of them.`)
  }
}

/** Whether a request is one of an `EventSource`, as far as a server can tell. */
export function readsStreams({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers.accept?.includes(STREAM) === true
}

/** Sends who reads streams away until later. A 5xx would stop an `EventSource` for good. */
export function turnAway(hub: Hub, response: ServerResponse): void {
  response.writeHead(200, STREAM_HEADERS).end(hub.turnAway('log-unavailable'))
}

async function readHistory(
  hub: Hub,
  selectors: readonly string[] | undefined,
  query: URLSearchParams,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  const history = await hub.read(parseHistoryQuery({ selectors, query }), gone.signal)
  if ('gap' in history) {
    const { reason, from, oldest } = history.gap
    const detail = 'The cursor cannot be served: read on from `oldest`, or with from=start.'
    sendProblem(response, problem('cursor-gone', detail, { reason, from, oldest }))
  } else {
    sendJson(response, 200, history)
  }
}
