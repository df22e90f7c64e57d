import type { Subscription } from '@tailrace/hub'
import { STREAM } from './accept.ts'
import type { Call } from './call.ts'
import { tailraceDialect } from './dialect.ts'
import type { Exchange, HeaderFields, RequestHead } from './exchange.ts'
import { permit, readerOf } from './gate.ts'
import type { Problem } from './problem.ts'
import { STREAM_HEADERS } from './stream-headers.ts'

/** The dialect for readers that are turned away. No event is written in it. */
const CONTROL = tailraceDialect({ envelope: false, namesTopic: false, traces: false, times: false })

/** Opens the stream that a request asks for. */
export async function openStream(
  { hub, gate, client, exchange }: Omit<Call, 'query' | 'rest'>,
  subscription: Subscription,
  headers: HeaderFields,
): Promise<void> {
  const { selectors } = subscription
  await permit(gate.mayRead(client, selectors, 'stream'), `subscribe to ${selectors.join(', ')}`)
  if (exchange.method === 'HEAD') {
    exchange.answer(200, headers)
    return
  }
  exchange.onceGone(gate.admit(client, selectors))
  const reader = readerOf(client, exchange.transport)
  const outcome = await hub.subscribe({ ...subscription, until: client.expiresAt, reader }, () => {
    if (exchange.isGone) return undefined
    gate.requireStill(client)
    return exchange.stream(headers)
  })
  // 204 is the only answer after which an EventSource does not reconnect (WHATWG HTML, 9.2.3).
  if (outcome === 'ended') exchange.answer(204)
}

/** Whether an `EventSource` sent a request, as far as a server can tell. */
export function readsStreams(head: RequestHead): boolean {
  return head.method === 'GET' && head.header('accept')?.includes(STREAM) === true
}

/** Asks a reader of streams to return later, with the headers of the problem. A 5xx would stop an `EventSource` permanently. */
export function turnAway(
  hub: Call['hub'],
  exchange: Exchange,
  code: string,
  { 'Retry-After': seconds = '0', Connection: connection }: Problem['headers'],
): void {
  const headers = connection === undefined ? STREAM_HEADERS : { ...STREAM_HEADERS, Connection: connection }
  exchange.answer(200, headers, hub.turnAway(CONTROL, code, Number(seconds) * 1_000))
}
