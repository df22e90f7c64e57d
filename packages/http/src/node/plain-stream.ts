import type { Socket } from 'node:net'
import type { Hub, Peers, Subscription } from '@tailrace/hub'
import { codingFor, withCoding } from '../accept-encoding.ts'
import type { Compression } from '../compression.ts'
import type { HeaderFields, RequestHead } from '../exchange.ts'
import { permit, readerOf } from '../gate.ts'
import type { Gate } from '../gate.ts'
import type { RouteTable } from '../route-table.ts'
import { parseTarget } from '../target.ts'
import type { PlainHead } from './head.ts'
import { cutLater } from './server.ts'
import { createSocketSink } from './socket-sink.ts'

export interface PlainStreamOptions {
  readonly hub: Hub
  readonly gate: Gate
  readonly table: RouteTable
  readonly peers: Peers | undefined
  readonly compression: Compression | undefined
  /** Receives what happens to a socket without a sink. */
  onSocketError(): void
}

/** The stream that a request asks for, and who asks. */
interface Wanted {
  readonly request: RequestHead
  readonly subscription: Subscription
  readonly headers: HeaderFields
}

/**
 * Serves a stream on a paused socket whose request has been read.
 *
 * @returns false if the request must be refused, or is not for a stream
 */
export async function servePlainStream(
  socket: Socket,
  head: PlainHead,
  { hub, gate, table, peers, compression, onSocketError }: PlainStreamOptions,
): Promise<boolean> {
  const wanted = wantedBy(head, table)
  if (wanted === undefined) return false
  const { request, subscription, headers } = wanted
  let leave: (() => void) | undefined
  try {
    const facts = { ...request, ticket: undefined }
    const client = await gate.identify(facts, socket.remoteAddress)
    const { selectors } = subscription
    await permit(gate.mayRead(client, selectors, 'stream'), 'subscribe')
    leave = await gate.admit(client, selectors)
    const origin = request.header('origin')
    const reader = readerOf(client, 'socket')
    const coding = compression && codingFor(request.header('accept-encoding'), compression.streams)
    const outcome = await hub.subscribe({ ...subscription, coding, until: client.expiresAt, reader }, () => {
      if (socket.readableEnded) socket.destroy()
      if (socket.destroyed) return undefined
      gate.requireStill(client)
      socket.off('error', onSocketError)
      socket.on('finish', linger)
      const all = { ...withCoding(headers, coding), ...gate.corsHeaders(origin) }
      return createSocketSink(socket, compression === undefined ? all : varied(all), peers)
    })
    if (outcome !== 'ended') {
      if (outcome === 'gone' || socket.destroyed) leave()
      else socket.on('close', leave)
      return true
    }
  } catch {
    // Refused. The handler asks the gate again, and answers with the reason.
  }
  leave?.()
  return false
}

function wantedBy({ target, headers }: PlainHead, table: RouteTable): Wanted | undefined {
  const request: RequestHead = {
    method: 'GET',
    header: (name) => headers.get(name),
    values: (name) => (headers.has(name) ? [headers.get(name)!] : []),
  }
  try {
    const { path, query } = parseTarget(target)
    // A ticket costs a read of the log. It is left to the handler, which can also report what is wrong with it.
    if (query.has('ticket')) return undefined
    const { methods, rest } = table.find(path)!
    const { stream, holds } = methods.get('GET')!
    if (holds?.(request) === false) return undefined
    const subscription = stream!.read({ head: request, query, rest })
    return subscription && { request, subscription, headers: stream!.headers }
  } catch {
    return undefined
  }
}

/** The headers of an answer that depends on the codings that its client accepts. */
function varied(headers: HeaderFields): HeaderFields {
  const { Vary } = headers
  return { ...headers, Vary: Vary === undefined ? 'Accept-Encoding' : `${Vary}, Accept-Encoding` }
}

function linger(this: Socket): void {
  cutLater(this)
}
