import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http2'
import type { Http2ServerRequest, ServerHttp2Session } from 'node:http2'
import type { Duplex } from 'node:stream'
import type { ProblemCode } from '../errors.ts'
import { problem, SLOW_REQUEST } from '../problem.ts'
import { exchangeOf } from './exchange.ts'
import type { Handler } from './handler.ts'
import { PendingConnections } from './pending.ts'
import { KEEP_ALIVE_MS, LINGER_MS } from './server.ts'
import type { ServerLimits } from './server.ts'
import { watchStalls } from './stall.ts'

/** Requests and streams that one connection may have open at a time. */
const MAX_STREAMS = 250
/** How every HTTP/2 connection begins (RFC 9113, section 3.4); three bytes distinguish it from all methods. */
const PREFACE = 'PRI'

/** Whether a connection that begins with these bytes uses HTTP/2. Undefined if too few bytes have arrived. */
export function speaksHttp2(head: Buffer): boolean | undefined {
  const start = head.toString('latin1', 0, PREFACE.length)
  if (start === PREFACE) return true
  return PREFACE.startsWith(start) ? undefined : false
}

/** HTTP/2 on connections that were accepted elsewhere. */
export interface Http2 {
  take(socket: Duplex): void
  /** Lets current requests finish, and accepts no new ones. */
  close(): void
  cut(): void
}

/** How HTTP/2 is served, besides the limits of the server. */
export interface Http2Options {
  /** Called with the code of each refusal that is made here instead of in the handler. @defaultValue nothing is called */
  readonly onRefused?: ((code: ProblemCode) => void) | undefined
  /** Connections that have not sent the head of a request yet. @defaultValue at most 64 MiB */
  readonly pending?: PendingConnections | undefined
  /** How long a connection without open requests is kept, in milliseconds. @defaultValue {@link KEEP_ALIVE_MS} */
  readonly idleMs?: number | undefined
}

/** Serves a handler over HTTP/2, with the same bounds on what a client may send as over HTTP/1.1. */
export function createHttp2(
  handler: Handler,
  { maxHeadBytes, headTimeoutMs, requestTimeoutMs, answerTimeoutMs }: ServerLimits,
  { onRefused, pending = new PendingConnections(), idleMs = KEEP_ALIVE_MS }: Http2Options = {},
): Http2 {
  const stalls = watchStalls(answerTimeoutMs)
  let isClosing = false
  /** Each with the function that lets it finish. */
  const sessions = new Map<ServerHttp2Session, () => void>()
  const server = createServer({
    settings: { maxConcurrentStreams: MAX_STREAMS, maxHeaderListSize: maxHeadBytes, enablePush: false },
  })

  /**
   * Closes a connection that has no open request for too long, or does not complete the head of its first request in
   * time. Only requests count, because other frames cost a client little.
   */
  function bound(session: ServerHttp2Session, socket: Duplex): void {
    let timer: NodeJS.Timeout
    let open = 0

    function letGoIn(ms: number): void {
      timer = setTimeout(() => {
        session.close()
        // Otherwise, it would wait for the client to close its end.
        timer = setTimeout(() => socket.destroy(), LINGER_MS)
      }, ms)
    }

    sessions.set(session, () => {
      session.close()
      if (open > 0) return
      clearTimeout(timer)
      letGoIn(0)
    })
    letGoIn(Math.min(headTimeoutMs, idleMs))
    session.on('close', () => {
      clearTimeout(timer)
      sessions.delete(session)
    })
    session.on('stream', (stream) => {
      pending.settle(socket)
      clearTimeout(timer)
      open += 1
      stream.on('close', () => {
        open -= 1
        if (open === 0 && !socket.destroyed) letGoIn(idleMs)
      })
    })
  }

  /** Refuses a request whose body does not arrive completely in time. */
  function boundBody(request: Http2ServerRequest, response: ServerResponse): void {
    const { stream } = request
    const exchange = exchangeOf(request as unknown as IncomingMessage, response)
    const timer = setTimeout(() => {
      if (exchange.isAnswered || exchange.isGone) {
        stream.close()
        return
      }
      onRefused?.('request-timeout')
      // If this were done at once, it would overtake the answer.
      setTimeout(() => stream.close(), LINGER_MS).unref()
      exchange.reject(problem('request-timeout', SLOW_REQUEST))
    }, requestTimeoutMs)
    const stop = (): void => clearTimeout(timer)
    request.on('end', stop)
    exchange.onceGone(stop)
  }

  // The client is asked to continue when its body is read.
  server.on('checkContinue', (request, response) => server.emit('request', request, response))
  server.on('request', (request, response) => {
    const answer = response as unknown as ServerResponse
    stalls.add(answer)
    if (request.method !== 'GET' && !request.stream.endAfterHeaders) boundBody(request, answer)
    handler(request as unknown as IncomingMessage, answer)
  })
  // If a session fails, so do its streams, each of which reports it to its owner.
  server.on('sessionError', () => undefined)
  return {
    take(socket) {
      // A connection whose handshake ends now would delay the end of the hub.
      if (isClosing) socket.destroy()
      // It has no session, and the next session would be taken for its own.
      if (socket.destroyed) return
      // A server for HTTP/1.1 accepts sockets with this set. Such a socket would stay open after its client is gone
      // until something is written.
      socket.allowHalfOpen = false
      server.once('session', (session) => bound(session, socket))
      server.emit('connection', socket)
    },
    close() {
      isClosing = true
      for (const close of sessions.values()) close()
    },
    cut() {
      stalls.stop()
      for (const session of sessions.keys()) session.destroy()
    },
  }
}
