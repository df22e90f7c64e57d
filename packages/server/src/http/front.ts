import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { parseSubscription } from '@tailrace/hub'
import type { Hub, Peers, Subscription } from '@tailrace/hub'
import { createSocketSink } from '@tailrace/hub/socket'
import { STREAM, wanted } from './accept.ts'
import { OPEN_GATE, readerOf } from './gate.ts'
import type { Gate } from './gate.ts'
import { toUtf8 } from './header.ts'
import { readHead } from './head.ts'
import type { StreamHead } from './head.ts'
import { speaksHttp2 } from './http2.ts'
import type { Http2 } from './http2.ts'
import type { ProblemCode } from './problem.ts'
import { cutLater, refuseSocket } from './server.ts'
import type { ServerLimits } from './server.ts'
import { parseTarget, topicOf } from './target.ts'

export interface FrontOptions {
  /** @defaultValue lets everybody in */
  readonly gate?: Gate | undefined
  /** Gets the connections that begin as HTTP/2 does. @defaultValue none: they are refused */
  readonly http2?: Http2 | undefined
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
  { gate = OPEN_GATE, http2, peers, onRefused }: FrontOptions = {},
): () => void {
  const held = new Set<Socket>()
  const handlers = server.listeners('connection')
  server.removeAllListeners('connection')
  server.on('connection', accept)

  // Not a closure of each connection: it would keep the head in memory for as long as the stream.
  function forget(this: Socket): void {
    held.delete(this)
  }

  function accept(socket: Socket): void {
    /** What was read of the head: at most `maxHeadBytes` and one chunk. */
    let head: Buffer = Buffer.alloc(0)
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
      if (head.length > 0) socket.unshift(head)
      held.delete(socket)
      socket.off('close', forget)
      socket.off('error', ignore)
      if (http2 !== undefined && speaksHttp2(head) === true) {
        http2.take(socket)
        return
      }
      for (const handler of handlers) handler.call(server, socket)
      socket.resume()
    }

    function read(chunk: Buffer): void {
      head = head.length === 0 ? chunk : Buffer.concat([head, chunk])
      if (http2 !== undefined && speaksHttp2(head) === undefined) return
      const request = readHead(head)
      // What is too large is refused by `node:http`, which counts in the same way.
      if (request === 'incomplete' && head.length <= limits.maxHeadBytes) return
      const subscription = typeof request === 'object' ? subscriptionOf(request) : undefined
      if (typeof request !== 'object' || subscription === undefined) {
        handOn()
        return
      }
      release()
      socket.pause()
      void stream(request, subscription)
    }

    async function stream({ headers }: StreamHead, subscription: Subscription): Promise<void> {
      let leave: (() => void) | undefined
      try {
        const facts = { method: 'GET', header: (name: string) => headers.get(name), ticket: undefined }
        const client = await gate.identify(facts, socket.remoteAddress)
        leave = gate.admit(client, subscription.selectors)
        const origin = headers.get('origin')
        const reader = readerOf(client, 'socket')
        const until = client.identity.expiresAt
        const outcome = await hub.subscribe({ ...subscription, until, reader }, () => {
          if (socket.destroyed) return undefined
          socket.off('error', ignore)
          socket.on('finish', linger)
          return createSocketSink(socket, gate.corsHeaders(origin), peers)
        })
        if (outcome === 'open') {
          if (socket.destroyed) leave()
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

/** What a request asks for; nothing when it is to be refused, or does not ask for a stream. */
function subscriptionOf({ target, headers }: StreamHead): Subscription | undefined {
  if (wanted(headers.get('accept')) !== STREAM) return undefined
  try {
    const { path, query } = parseTarget(target)
    // A ticket is good once: it is left to who can also say what is wrong with it.
    if (query.has('ticket')) return undefined
    const selectors = path === '/events' ? undefined : [topicOf(path)]
    const lastEventId = headers.get('last-event-id')
    return parseSubscription({
      selectors,
      query,
      lastEventId: lastEventId === undefined ? undefined : toUtf8('Last-Event-ID', lastEventId),
    })
  } catch {
    return undefined
  }
}

function ignore(): void {
  // A client that resets its connection before it has asked for anything is no event here.
}
