import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { ProblemCode } from '../errors.ts'
import { problem, SLOW_REQUEST } from '../problem.ts'
import type { Problem } from '../problem.ts'
import { http } from './builtin.ts'
import { exchangeOf } from './exchange.ts'
import type { Handler } from './handler.ts'
import { flawOf, mayUpgrade } from './message.ts'
import { watchStalls } from './stall.ts'
import { Turns } from './pipelining.ts'

/** Bounds on what a client may send, and on how slowly. */
export interface ServerLimits {
  /** Maximum size of the request line and headers, in bytes. */
  readonly maxHeadBytes: number
  /** Time within which a client must send them, in milliseconds. */
  readonly headTimeoutMs: number
  /** Time within which a client must send a whole request, in milliseconds. */
  readonly requestTimeoutMs: number
  /** Time within which a client must accept some of an answer, in milliseconds. @defaultValue 30 seconds */
  readonly answerTimeoutMs?: number | undefined
}

/** How often slow requests are looked for. A limit is exceeded by at most this. */
const CHECK_INTERVAL_MS = 1_000
/** Longer than the idle time of common proxies, which could otherwise reuse a connection while it is being closed. */
export const KEEP_ALIVE_MS = 75_000
/** How long a client may take to close its end once ours is closed; then the connection is cut. */
export const LINGER_MS = 1_000

/**
 * An HTTP/1.1 server for a handler, with bounds on what a client may send and how slowly.
 *
 * @param onRefused - called with the code of each refusal before a request reaches the handler
 */
export function createHttpServer(
  handler: Handler,
  limits: ServerLimits,
  onRefused?: (code: ProblemCode) => void,
): Server {
  function refuse(response: ServerResponse, why: Problem): void {
    onRefused?.(why.code)
    exchangeOf(response.req, response).reject(why)
  }

  const turns = new Turns()
  const stalls = watchStalls(limits.answerTimeoutMs)
  const server = http.createServer(
    {
      maxHeaderSize: limits.maxHeadBytes,
      headersTimeout: limits.headTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAlive: true,
      // Refused below, with the error that the protocol defines.
      requireHostHeader: false,
    },
    (request, response) => {
      turns.take(request.socket, response, () => {
        stalls.add(response)
        const flaw = flawOf(request)
        // If a request may upgrade, Node discards the bytes that arrived with it, and would continue in the middle of
        // something.
        if (flaw !== undefined || mayUpgrade(request)) response.shouldKeepAlive = false
        if (flaw !== undefined) refuse(response, problem('malformed-request', flaw))
        else handler(request, response)
      })
    },
  )
  server.on('close', stalls.stop)
  // The client is asked to continue when its body is read.
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response)
  })
  server.on('checkExpectation', ({ socket }: IncomingMessage, response: ServerResponse) => {
    turns.take(socket, response, () => {
      refuse(response, problem('invalid-header', 'Expect must be 100-continue.', { header: 'Expect' }))
    })
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    // A refusal must not be sent in the middle of an answer, or in place of the answer to an earlier request.
    const isAnswering = turns.owed(socket).some(({ headersSent, req }) => headersSent || req.complete)
    if (!socket.writable || isAnswering) {
      socket.destroy()
      return
    }
    const [current] = turns.owed(socket)
    if (current !== undefined && error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
      // Through its own answer: otherwise, the rest of the refused request would still be accepted.
      refuse(current, refusalOf(error.code))
      cutLater(socket)
      return
    }
    const code = refuseSocket(socket, error.code)
    onRefused?.(code)
  })
  return server
}

/** Refuses bytes that are not a request yet, according to the code of Node's error. @returns the code of the problem */
export function refuseSocket(socket: Socket, code: string | undefined): ProblemCode {
  const why = refusalOf(code)
  socket.end(toHttp(why))
  cutLater(socket)
  return why.code
}

/** Cuts a connection whose end here is closed, unless the client closes its own end in time. */
export function cutLater(socket: Socket): void {
  // Not `setTimeout` of the socket, which a client that continues to send would extend again and again.
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.on('close', () => clearTimeout(timer))
}

function refusalOf(code: string | undefined): Problem {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return problem(
        'head-too-large',
        'The request line and headers are too large: shorten them, or raise --max-head.',
      )
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return problem('request-timeout', SLOW_REQUEST)
    default:
      return problem('malformed-request', 'This is not HTTP/1.1, or a header contains an invalid character.')
  }
}

function toHttp({ status, headers, body }: Problem): string {
  const lines = Object.entries({ ...headers, 'Content-Length': Buffer.byteLength(body), Connection: 'close' })
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\n${head}\r\n${body}`
}
