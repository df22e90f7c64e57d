import type { HubErrorCode } from '@tailrace/hub'
import type { LogErrorCode } from '@tailrace/log'

/** Why this package, or a gate, rejects a request. Rejections of the hub and of the log keep their own codes. */
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
  | 'invalid-query'
  | 'too-many-selectors'
  | 'head-sent'
  | 'body-consumed'
  | 'internal'

/** Every code that an answer can carry: those of this package, of the hub and of the log. */
export type ProblemCode = HttpErrorCode | HubErrorCode | LogErrorCode

/** The status of each code. `spec/protocol.md` lists the same codes: the set is closed. */
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
  'unknown-stream': 404,
  'method-not-allowed': 405,
  'not-acceptable': 406,
  'request-timeout': 408,
  'topic-ended': 409,
  'stream-exists': 409,
  'stream-over': 409,
  'cursor-gone': 410,
  'event-too-large': 413,
  'batch-too-large': 413,
  'body-too-large': 413,
  'too-large': 413,
  'unsupported-encoding': 415,
  'too-many-connections': 429,
  'too-many-publishes': 429,
  'head-too-large': 431,
  'head-sent': 500,
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
  'not-durable': 503,
  replaced: 503,
  corrupt: 503,
  'cannot-open': 503,
  closed: 503,
}

/** Facts that go with a problem, as members of its object (RFC 9457, section 3.2). */
export type ProblemDetails = Readonly<Record<string, string | number | boolean>>

/** Facts that go with an {@link HttpError}, and its cause. */
export interface HttpErrorInit extends ErrorOptions {
  details?: ProblemDetails | undefined
  /** Header fields of the answer, for example `Retry-After` and `WWW-Authenticate`. */
  headers?: Readonly<Record<string, string>> | undefined
}

const brand: unique symbol = Symbol.for('@tailrace/http.HttpError')

/** A rejected request. Throw one from a gate to choose the answer. Branch on `code`, never on `message`. */
export class HttpError extends Error {
  override readonly name = 'HttpError'
  readonly code: ProblemCode
  readonly details: ProblemDetails
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ProblemCode, message: string, init: HttpErrorInit = {}) {
    super(message, init)
    this.code = code
    this.details = init.details ?? {}
    this.headers = init.headers ?? {}
    Object.defineProperty(this, brand, { value: true })
  }

  /** True for an `HttpError` from any copy of this package in the process. */
  static is(value: unknown): value is HttpError {
    return value instanceof Error && brand in value
  }
}
