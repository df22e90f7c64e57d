import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Hub, Peers } from '@tailrace/hub'
import { READ_ONLY_GATE } from '../app-gate.ts'
import type { Compression } from '../compression.ts'
import { createProtocol } from '../protocol.ts'
import type { ProtocolOptions } from '../protocol.ts'
import { publish } from '../publish.ts'
import { RouteTable } from '../route-table.ts'
import { TAILRACE_ROUTES } from '../tailrace-routes.ts'
import { ArrivalQueue } from './arrivals.ts'
import type { PlainHead } from './head.ts'
import type { Http2 } from './http2.ts'
import { PendingConnections } from './pending.ts'
import { PlainConnection } from './plain-connection.ts'
import type { Takers } from './plain-connection.ts'
import { servePlainStream } from './plain-stream.ts'
import type { ServerLimits } from './server.ts'

/** How plain requests are served on bare sockets; the same as for the handler beside them. */
export interface FrontOptions extends ProtocolOptions {
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
}

/** The connections that do not belong to an HTTP server, and of which its own methods know nothing. */
export interface Front {
  /** Closes the connections that wait for a request. Each further answer is the last one of its connection. */
  stop(): void
  /** Cuts all of them. */
  cut(): void
}

/** How often slow clients are looked for. A limit is exceeded by at most twice this. */
const CHECK_INTERVAL_MS = 500

/**
 * Intercepts plain requests that publish or ask for a stream before an HTTP server sees them. The parser, request and
 * response of `node:http` would cost each reader 10 KiB, and time in every write; and each publish 10 µs. All other
 * requests are passed to the server together with their connection, and the bytes that were read from it put back.
 */
export function takePlainRequests(
  server: Server,
  hub: Hub,
  limits: ServerLimits,
  {
    http2,
    peers,
    compression,
    pending = new PendingConnections(),
    arrivals = new ArrivalQueue(),
    ...options
  }: FrontOptions,
): Front {
  const { gate = READ_ONLY_GATE, routes = TAILRACE_ROUTES, onRefused } = options
  const table = new RouteTable(routes)
  const held = new Set<Socket>()
  const reading = new Set<PlainConnection>()
  let isStopping = false
  const streams = { hub, gate, table, peers, compression, onSocketError: ignore }
  const handlers = server.listeners('connection')
  server.removeAllListeners('connection')
  server.on('connection', accept)
  const settle = ({ socket }: IncomingMessage): void => pending.settle(socket)
  for (const event of ['request', 'checkContinue', 'checkExpectation']) {
    // Without a listener, a server answers these itself.
    if (server.listenerCount(event) > 0) server.prependListener(event, settle)
  }
  const timer = setInterval(() => {
    const now = performance.now()
    for (const connection of reading) connection.check(now)
  }, CHECK_INTERVAL_MS).unref()
  server.on('close', () => clearInterval(timer))

  const takers: Takers = {
    limits,
    pending,
    arrivals,
    get isStopping() {
      return isStopping
    },
    takes(method, path) {
      const route = table.find(path)?.methods.get(method)
      return method === 'GET' ? route?.stream !== undefined : route?.handle === publish
    },
    publish: createProtocol(hub, options),
    stream: (...request) => void serveStream(...request),
    handOn(socket, bytes) {
      if (!giveUp(socket, bytes)) return
      for (const handler of handlers) handler.call(server, socket)
      socket.resume()
    },
    http2:
      http2 &&
      ((socket, bytes) => {
        if (giveUp(socket, bytes)) http2.take(socket)
      }),
    released: (connection) => void reading.delete(connection),
    refused: (code) => onRefused?.(code),
  }

  async function serveStream(socket: Socket, head: PlainHead, bytes: Buffer): Promise<void> {
    if (!(await servePlainStream(socket, head, streams))) takers.handOn(socket, bytes)
  }

  // Not a closure for each connection: it would keep the head in memory for as long as the stream.
  function forget(this: Socket): void {
    held.delete(this)
  }

  function accept(socket: Socket): void {
    // Its handshake ended after that of the others.
    if (isStopping) {
      socket.destroy()
      return
    }
    held.add(socket)
    pending.add(socket)
    reading.add(new PlainConnection(socket, takers))
    socket.on('close', forget)
    socket.on('error', ignore)
  }

  /** Leaves a connection to others, as it was. @returns false if it is closed */
  function giveUp(socket: Socket, bytes: Buffer): boolean {
    socket.pause()
    // From here on, it is read by others, which do not report how much of a head has arrived.
    pending.grow(socket, limits.maxHeadBytes)
    // While its request was being decided, the client has closed its half. As with `node:http`, it gets no answer.
    if (socket.readableEnded) socket.destroy()
    if (socket.destroyed) return false
    if (bytes.length > 0) socket.unshift(bytes)
    held.delete(socket)
    socket.off('close', forget)
    socket.off('error', ignore)
    return true
  }

  return {
    stop() {
      isStopping = true
      for (const connection of reading) connection.closeIfIdle()
    },
    cut() {
      for (const socket of held) socket.destroy()
    },
  }
}

function ignore(): void {
  // A client may reset its connection before it has sent a request. There is nothing to do.
}
