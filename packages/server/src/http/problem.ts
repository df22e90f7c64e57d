import type { ServerResponse } from 'node:http'
import { HubError } from '@tailrace/hub'
import type { HubErrorCode } from '@tailrace/hub'
import { LogError } from '@tailrace/log'
import type { LogErrorCode } from '@tailrace/log'

/** What the server itself refuses; what the hub and the log refuse keeps their codes. */
export type HttpErrorCode =
  | 'invalid-path'
  | 'invalid-header'
  | 'invalid-utf8'
  | 'invalid-ndjson'
  | 'malformed-request'
  | 'missing-token'
  | 'invalid-token'
  | 'token-expired'
  | 'invalid-ticket'
  | 'revoked'
  | 'unknown-connection'
  | 'too-many-revocations'
  | 'invalid-json'
  | 'body-too-large'
  | 'forbidden'
  | 'cross-origin'
  | 'foreign-host'
  | 'not-found'
  | 'unknown-topic'
  | 'method-not-allowed'
  | 'not-acceptable'
  | 'request-timeout'
  | 'cursor-gone'
  | 'unsupported-encoding'
  | 'too-many-topics'
  | 'too-many-connections'
  | 'too-many-publishes'
  | 'head-too-large'
  | 'draining'
  | 'overloaded'
  | 'keys-unavailable'
  | 'busy'
  | 'invalid-query'
  | 'batch-too-large'
  | 'body-consumed'
  | 'internal'

export type ProblemCode = HttpErrorCode | HubErrorCode | LogErrorCode

/** The status of each code. Together with `spec/protocol.md`, which lists them, this is the closed set. */
export const STATUS: Readonly<Record<ProblemCode, number>> = {
  'invalid-path': 400,
  'invalid-header': 400,
  'invalid-utf8': 400,
  'invalid-ndjson': 400,
  'invalid-json': 400,
  'malformed-request': 400,
  'invalid-topic': 400,
  'invalid-selector': 400,
  'invalid-type': 400,
  'invalid-key': 400,
  'missing-key': 400,
  'invalid-idempotency-key': 400,
  'invalid-data': 400,
  'invalid-trace': 400,
  'invalid-query': 400,
  'reserved-type': 400,
  'empty-batch': 400,
  'too-many-selectors': 400,
  'too-many-topics': 400,
  'missing-token': 401,
  'invalid-token': 401,
  'token-expired': 401,
  'invalid-ticket': 401,
  revoked: 401,
  forbidden: 403,
  'cross-origin': 403,
  'foreign-host': 403,
  'not-found': 404,
  'unknown-topic': 404,
  'unknown-connection': 404,
  'method-not-allowed': 405,
  'not-acceptable': 406,
  'request-timeout': 408,
  'topic-ended': 409,
  'cursor-gone': 410,
  'event-too-large': 413,
  'batch-too-large': 413,
  'body-too-large': 413,
  'unsupported-encoding': 415,
  'too-many-connections': 429,
  'too-many-publishes': 429,
  'head-too-large': 431,
  'body-consumed': 500,
  internal: 500,
  unsupported: 501,
  draining: 503,
  overloaded: 503,
  'keys-unavailable': 503,
  'too-many-revocations': 503,
  busy: 503,
  full: 503,
  unwritable: 503,
  'read-only': 503,
  locked: 503,
  foreign: 503,
  unreachable: 503,
  'outcome-unknown': 503,
  unauthorized: 503,
  incompatible: 503,
  corrupt: 503,
  'cannot-open': 503,
  closed: 503,
}

/** Seconds after which a publisher or reader that got a 503 may come back. */
const RETRY_AFTER_SECONDS = 1

/** Why a request is refused whose head or body does not come to its end. */
export const SLOW_REQUEST = 'The request took too long to arrive.'

/** Facts that go with a problem, as members of its object (RFC 9457, section 3.2). */
export type ProblemDetails = Readonly<Record<string, string | number | boolean>>

/** A refusal of the server's own. */
export class HttpError extends Error {
  override readonly name = 'HttpError'
  readonly code: HttpErrorCode
  readonly details: ProblemDetails
  readonly headers: Readonly<Record<string, string>>

  constructor(
    code: HttpErrorCode,
    message: string,
    details: ProblemDetails = {},
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message)
    this.code = code
    this.details = details
    this.headers = headers
  }
}

/** A refusal as it is sent: RFC 9457. */
export interface Problem {
  readonly code: ProblemCode
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Turns whatever was thrown into a problem. What is not a refusal is a bug: its text stays here. */
export function toProblem(error: unknown): Problem {
  if (error instanceof HttpError || HubError.is(error) || LogError.is(error)) {
    // A log's own facts name paths and system errors, which are no business of a client.
    const isRefusal =
      error instanceof HttpError ||
      error.code === 'unsupported' ||
      (HubError.is(error) && error.code === 'busy')
    const isOutage = STATUS[error.code] >= 500 && !isRefusal
    const detail = isOutage ? 'The log cannot serve this request now: try again later.' : error.message
    return problem(
      error.code,
      detail,
      isOutage ? {} : error.details,
      error instanceof HttpError ? error.headers : {},
    )
  }
  return problem('internal', 'Something went wrong. The details are in the error output of the server.')
}

export function problem(
  code: ProblemCode,
  detail: string,
  details: ProblemDetails = {},
  headers: Readonly<Record<string, string>> = {},
): Problem {
  const status = STATUS[code]
  const title = code.replaceAll('-', ' ')
  return {
    code,
    status,
    headers: {
      'Content-Type': 'application/problem+json',
      'Cache-Control': 'no-store',
      ...(status === 503 ? { 'Retry-After': String(RETRY_AFTER_SECONDS) } : {}),
      ...headers,
    },
    body: `${JSON.stringify({ type: `urn:tailrace:problem:${code}`, title, status, code, detail, ...details })}\n`,
  }
}

/** Answers with a problem, unless an answer is already on its way: then the connection is all there is to cut. */
export function sendProblem(response: ServerResponse, { status, headers, body }: Problem): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  // The rest of a body that was refused half-way is not read: the connection cannot be used again.
  const isCut = response.req.complete || response.req.httpVersionMajor > 1 ? {} : { Connection: 'close' }
  response.writeHead(status, { ...headers, ...isCut, 'Content-Length': Buffer.byteLength(body) })
  response.end(response.req.method === 'HEAD' ? undefined : body)
}
