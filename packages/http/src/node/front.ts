import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Hub, Peers, Subscription } from '@tailrace/hub'
import { READ_ONLY_GATE } from '../app-gate.ts'
import type { ProblemCode } from '../errors.ts'
import type { HeaderFields, RequestHead } from '../exchange.ts'
import { permit, readerOf } from '../gate.ts'
import type { Gate } from '../gate.ts'
import { RouteTable } from '../route-table.ts'
import type { Route } from '../route-table.ts'
import { TAILRACE_ROUTES } from '../tailrace-routes.ts'
import { parseTarget } from '../target.ts'
import { HeadBuffer, mayBeStream, readHead } from './head.ts'
import type { StreamHead } from './head.ts'
import { speaksHttp2 } from './http2.ts'
import type { Http2 } from './http2.ts'
import { PendingConnections } from './pending.ts'
import { cutLater, refuseSocket } from './server.ts'
import type { ServerLimits } from './server.ts'
import { createSocketSink } from './socket-sink.ts'

export interface FrontOptions {
  /** @defaultValue that of `createHandler` */
  readonly gate?: Gate | undefined
  /** The table of the handler: paths that may stream are taken. @defaultValue {@link TAILRACE_ROUTES} */
  readonly routes?: readonly Route[] | undefined
  /** Gets the connections that begin as HTTP/2 does. @defaultValue none: they are refused */
  readonly http2?: Http2 | undefined
  /** Connections that have not sent the head of a request yet. @defaultValue at most 64 MiB */
  readonly pending?: PendingConnections | undefined
  /** What the system knows about readers. @defaultValue nothing */
  readonly peers?: Peers | undefined
  /** Told of each refusal, by its code. @defaultValue nobody is told */
  readonly onRefused?: ((code: ProblemCode) => void) | undefined
}

/**
 * Takes plain requests for streams away from an HTTP server, before it sees them: a stream is better off
 * without `node:http`, whose parser, request and response would cost each reader 10 KiB, and their part in
 * every write. All other connections go on to the server, with the bytes that they began with put back.
 *
 * @returns cuts every connection that is held here, of which `server.closeAllConnections()` knows nothing
 */
export function takeStreams(
  server: Server,
  hub: Hub,
  limits: ServerLimits,
  {
    gate = READ_ONLY_GATE,
    routes = TAILRACE_ROUTES,
    http2,
    peers,
    pending = new PendingConnections(),
    onRefused,
  }: FrontOptions = {},
): () => void {
  const table = new RouteTable(routes)
  const streams = (path: string): boolean => table.streams(path)
  const held = new Set<Socket>()
  const handlers = server.listeners('connection')
  server.removeAllListeners('connection')
  server.on('connection', accept)
  const settle = ({ socket }: IncomingMessage): void => pending.settle(socket)
  for (const event of ['request', 'checkContinue', 'checkExpectation']) {
    // A server without a listener of its own answers these by itself.
    if (server.listenerCount(event) > 0) server.prependListener(event, settle)
  }

  // Not a closure of each connection: it would keep the head in memory for as long as the stream.
  function forget(this: Socket): void {
    held.delete(this)
  }

  function accept(socket: Socket): void {
    /** At most `maxHeadBytes` and one chunk. */
    const head = new HeadBuffer()
    const timer = setTimeout(() => {
      release()
      const code = refuseSocket(socket, 'ERR_HTTP_REQUEST_TIMEOUT')
      onRefused?.(code)
    }, limits.headTimeoutMs)

    function release(): void {
      clearTimeout(timer)
      socket.off('data', read)
      socket.off('end', handOn)
      socket.off('close', release)
    }

    function handOn(): void {
      release()
      if (socket.destroyed) return
      socket.pause()
      const { bytes } = head
      // Who reads it from here on does not tell how much of a head there is.
      pending.grow(socket, limits.maxHeadBytes)
      if (socket.destroyed) return
      if (bytes.length > 0) socket.unshift(bytes)
      held.delete(socket)
      socket.off('close', forget)
      socket.off('error', ignore)
      if (http2 !== undefined && speaksHttp2(bytes) === true) {
        http2.take(socket)
        return
      }
      for (const handler of handlers) handler.call(server, socket)
      socket.resume()
    }

    function read(chunk: Buffer): void {
      head.add(chunk)
      const { bytes } = head
      if (http2 !== undefined && speaksHttp2(bytes) === undefined) return
      const isTooLarge = bytes.length > limits.maxHeadBytes
      if (!head.isComplete && !isTooLarge && mayBeStream(bytes)) {
        pending.grow(socket, chunk.length)
        return
      }
      // `node:http` decides what is too large, whatever is asked for.
      const request = isTooLarge ? 'other' : readHead(bytes, streams)
      const wanted = typeof request === 'object' ? wantedBy(request, table) : undefined
      if (wanted === undefined) {
        handOn()
        return
      }
      release()
      pending.settle(socket)
      socket.pause()
      void stream(wanted)
    }

    async function stream({ request, subscription, headers }: Wanted): Promise<void> {
      let leave: (() => void) | undefined
      try {
        const facts = { ...request, ticket: undefined }
        const client = await gate.identify(facts, socket.remoteAddress)
        const { selectors } = subscription
        await permit(gate.mayRead(client, selectors, 'stream'), 'subscribe')
        leave = gate.admit(client, selectors)
        const origin = request.header('origin')
        const reader = readerOf(client, 'socket')
        const outcome = await hub.subscribe({ ...subscription, until: client.expiresAt, reader }, () => {
          if (socket.destroyed) return undefined
          gate.requireStill(client)
          socket.off('error', ignore)
          socket.on('finish', linger)
          return createSocketSink(socket, { ...headers, ...gate.corsHeaders(origin) }, peers)
        })
        if (outcome !== 'ended') {
          if (outcome === 'gone' || socket.destroyed) leave()
          else socket.on('close', leave)
          return
        }
      } catch {
        // Refused: `node:http` asks again, and says why.
      }
      leave?.()
      handOn()
    }

    held.add(socket)
    pending.add(socket)
    socket.on('data', read)
    socket.on('end', handOn)
    socket.on('close', release)
    socket.on('close', forget)
    socket.on('error', ignore)
  }

  return () => {
    for (const socket of held) socket.destroy()
  }
}

function linger(this: Socket): void {
  cutLater(this)
}

interface Wanted {
  readonly request: RequestHead
  readonly subscription: Subscription
  readonly headers: HeaderFields
}

/** What a request asks for; nothing when it is to be refused, or does not ask for a stream. */
function wantedBy({ target, headers }: StreamHead, table: RouteTable): Wanted | undefined {
  const request: RequestHead = {
    method: 'GET',
    header: (name) => headers.get(name),
    values: (name) => (headers.has(name) ? [headers.get(name)!] : []),
  }
  try {
    const { path, query } = parseTarget(target)
    // A ticket costs a read of the log: it is left to the handler, which can also say what is wrong with it.
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

function ignore(): void {
  // A client that resets its connection before it has asked for anything is no event here.
}
