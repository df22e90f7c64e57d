import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Hub, Peers, Subscription } from '@tailrace/hub'
import { READ_ONLY_GATE } from '../app-gate.ts'
import { codingFor, withCoding } from '../accept-encoding.ts'
import type { Compression } from '../compression.ts'
import type { ProblemCode } from '../errors.ts'
import type { HeaderFields, RequestHead } from '../exchange.ts'
import { permit, readerOf } from '../gate.ts'
import type { Gate } from '../gate.ts'
import { RouteTable } from '../route-table.ts'
import type { Route } from '../route-table.ts'
import { TAILRACE_ROUTES } from '../tailrace-routes.ts'
import { parseTarget } from '../target.ts'
import { ArrivalQueue } from './arrivals.ts'
import { HeadBuffer, mayBeStream, readHead } from './head.ts'
import type { StreamHead } from './head.ts'
import { speaksHttp2 } from './http2.ts'
import type { Http2 } from './http2.ts'
import { PendingConnections } from './pending.ts'
import { cutLater, refuseSocket } from './server.ts'
import type { ServerLimits } from './server.ts'
import { createSocketSink } from './socket-sink.ts'

/** How streams are served on bare sockets; the same as for the handler beside them. */
export interface FrontOptions {
  /** @defaultValue that of `createHandler` */
  readonly gate?: Gate | undefined
  /** The routes of the handler. Streams are served here only on paths that may stream. @defaultValue {@link TAILRACE_ROUTES} */
  readonly routes?: readonly Route[] | undefined
  /** Receives the connections that begin with HTTP/2. @defaultValue none: they are refused */
  readonly http2?: Http2 | undefined
  /** Connections that have not sent the head of a request yet. @defaultValue at most 64 MiB */
  readonly pending?: PendingConnections | undefined
  /** Connections that take turns before they are served. @defaultValue those of this server only */
  readonly arrivals?: ArrivalQueue | undefined
  /** What the system knows about readers. @defaultValue nothing */
  readonly peers?: Peers | undefined
  /** How streams are compressed, see `createCompression`. @defaultValue not at all */
  readonly compression?: Compression | undefined
  /** Called with the code of each refusal. @defaultValue nothing is called */
  readonly onRefused?: ((code: ProblemCode) => void) | undefined
}

/**
 * Intercepts plain requests for streams before an HTTP server sees them. The parser, request and response of
 * `node:http` would cost each reader 10 KiB, and time in every write. All other connections are passed to the server,
 * with the bytes that were read from them put back.
 *
 * @returns a function that cuts every connection that is held here, which `server.closeAllConnections()` does not
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
    compression,
    pending = new PendingConnections(),
    arrivals = new ArrivalQueue(),
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
    // Without a listener, a server answers these itself.
    if (server.listenerCount(event) > 0) server.prependListener(event, settle)
  }

  // Not a closure for each connection: it would keep the head in memory for as long as the stream.
  function forget(this: Socket): void {
    held.delete(this)
  }

  function accept(socket: Socket): void {
    /** At most `maxHeadBytes` and one chunk. */
    const head = new HeadBuffer()
    let leaveQueue: () => void
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
      // From here on, it is read by others, which do not report how much of a head has arrived.
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
      pending.grow(socket, chunk.length)
      if (!head.isComplete && !isTooLarge && mayBeStream(bytes)) return
      release()
      socket.pause()
      leaveQueue = arrivals.add(socket.remoteAddress ?? '', look)
      socket.on('close', leaveQueue)
    }

    /** Looks at what the client wants. */
    function look(): void {
      socket.off('close', leaveQueue)
      const { bytes } = head
      // `node:http` decides what is too large, no matter what the request is for.
      const request = bytes.length > limits.maxHeadBytes ? 'other' : readHead(bytes, streams)
      const wanted = typeof request === 'object' ? wantedBy(request, table) : undefined
      if (wanted === undefined) {
        handOn()
        return
      }
      pending.settle(socket)
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
        const coding = compression && codingFor(request.header('accept-encoding'), compression.streams)
        const outcome = await hub.subscribe(
          { ...subscription, coding, until: client.expiresAt, reader },
          () => {
            if (socket.destroyed) return undefined
            gate.requireStill(client)
            socket.off('error', ignore)
            socket.on('finish', linger)
            const all = { ...withCoding(headers, coding), ...gate.corsHeaders(origin) }
            return createSocketSink(socket, compression === undefined ? all : varied(all), peers)
          },
        )
        if (outcome !== 'ended') {
          if (outcome === 'gone' || socket.destroyed) leave()
          else socket.on('close', leave)
          return
        }
      } catch {
        // Refused. The handler asks the gate again, and answers with the reason.
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

/** The headers of an answer that depends on the codings that its client accepts. */
function varied(headers: HeaderFields): HeaderFields {
  const { Vary } = headers
  return { ...headers, Vary: Vary === undefined ? 'Accept-Encoding' : `${Vary}, Accept-Encoding` }
}

function linger(this: Socket): void {
  cutLater(this)
}

interface Wanted {
  readonly request: RequestHead
  readonly subscription: Subscription
  readonly headers: HeaderFields
}

/** The stream that a request asks for. Undefined if the request must be refused, or is not for a stream. */
function wantedBy({ target, headers }: StreamHead, table: RouteTable): Wanted | undefined {
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

function ignore(): void {
  // A client may reset its connection before it has sent a request. There is nothing to do.
}
