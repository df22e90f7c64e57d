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
/** How every HTTP/2 connection begins (RFC 9113, section 3.4); three bytes tell it from all methods. */
const PREFACE = 'PRI'

/** Whether a connection that began so speaks HTTP/2; nothing when too little has come to say. */
export function speaksHttp2(head: Buffer): boolean | undefined {
  const start = head.toString('latin1', 0, PREFACE.length)
  if (start === PREFACE) return true
  return PREFACE.startsWith(start) ? undefined : false
}

/** HTTP/2 for connections that others have accepted. */
export interface Http2 {
  take(socket: Duplex): void
  /** Lets requests that are under way end, and takes no more. */
  close(): void
  cut(): void
}

export interface Http2Options {
  /** Told of what is refused here and not by the handler, by the code. @defaultValue nobody is told */
  readonly onRefused?: ((code: ProblemCode) => void) | undefined
  /** Connections that have not sent the head of a request yet. @defaultValue at most 64 MiB */
  readonly pending?: PendingConnections | undefined
  /** How long a connection on which nothing is open is kept, in milliseconds. @defaultValue {@link KEEP_ALIVE_MS} */
  readonly idleMs?: number | undefined
}

export function createHttp2(
  handler: Handler,
  { maxHeadBytes, headTimeoutMs, requestTimeoutMs, answerTimeoutMs }: ServerLimits,
  { onRefused, pending = new PendingConnections(), idleMs = KEEP_ALIVE_MS }: Http2Options = {},
): Http2 {
  const stalls = watchStalls(answerTimeoutMs)
  const sessions = new Set<ServerHttp2Session>()
  const server = createServer({
    settings: { maxConcurrentStreams: MAX_STREAMS, maxHeaderListSize: maxHeadBytes, enablePush: false },
  })

  /**
   * Lets go of a connection that has no request open for too long, and of one that does not complete the head of its
   * first one in time. Only requests count: frames that ask for nothing cost a client little.
   */
  function bound(session: ServerHttp2Session, socket: Duplex): void {
    let timer: NodeJS.Timeout
    let open = 0

    function letGoIn(ms: number): void {
      timer = setTimeout(() => {
        session.close()
        // It would wait for the client to close its end.
        timer = setTimeout(() => socket.destroy(), LINGER_MS)
      }, ms)
    }

    sessions.add(session)
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

  /** Refuses a request whose body does not come to its end in time. */
  function boundBody(request: Http2ServerRequest, response: ServerResponse): void {
    const { stream } = request
    const exchange = exchangeOf(request as unknown as IncomingMessage, response)
    const timer = setTimeout(() => {
      if (exchange.isAnswered || exchange.isGone) {
        stream.close()
        return
      }
      onRefused?.('request-timeout')
      // At once, it would overtake the answer.
      setTimeout(() => stream.close(), LINGER_MS).unref()
      exchange.reject(problem('request-timeout', SLOW_REQUEST))
    }, requestTimeoutMs)
    const stop = (): void => clearTimeout(timer)
    request.on('end', stop)
    exchange.onceGone(stop)
  }

  // Asked to go on when its body is read.
  server.on('checkContinue', (request, response) => server.emit('request', request, response))
  server.on('request', (request, response) => {
    const answer = response as unknown as ServerResponse
    stalls.add(answer)
    if (request.method !== 'GET' && !request.stream.endAfterHeaders) boundBody(request, answer)
    handler(request as unknown as IncomingMessage, answer)
  })
  // A session that breaks takes its streams with it, and they tell whoever has them.
  server.on('sessionError', () => undefined)
  return {
    take(socket) {
      // As a server for HTTP/1.1 accepts it, it would stay for as long as nothing is written once its client is gone.
      socket.allowHalfOpen = false
      server.once('session', (session) => bound(session, socket))
      server.emit('connection', socket)
    },
    close() {
      for (const session of sessions) session.close()
    },
    cut() {
      stalls.stop()
      for (const session of sessions) session.destroy()
    },
  }
}
