/** The body of an error response as defined by RFC 9457, if the server sent one. */
export interface Problem {
  readonly code?: string | undefined
  readonly title?: string | undefined
  readonly detail?: string | undefined
}

/** Every way this package can fail, with the facts that an error of each code carries. Codes are public API. */
export interface ClientErrorFacts {
  /** A mistake of the caller: `option` has an invalid value. */
  readonly 'invalid-option': { readonly option: string }
  /** No response: no route, no name, a refused or reset connection, or CORS. Runtimes do not report which. */
  readonly network: object
  /**
   * Something other than this package aborted the request, such as your own `fetch`. `subscribe` retries; an
   * `EventSource` fails, as the specification requires.
   */
  readonly aborted: object
  /** The `headers` function threw; `cause` is what it threw. */
  readonly headers: object
  /** No stream within `openTimeoutMs`. */
  readonly 'open-timeout': object
  /** A response with an unexpected status. */
  readonly status: {
    readonly status: number
    /** The header `Retry-After`. */
    readonly retryAfter?: string | undefined
    /** The server's explanation: with `publish` and `readHistory`. */
    readonly problem?: Problem | undefined
  }
  /** A response with status 200 and a media type other than `text/event-stream`. */
  readonly 'not-a-stream': { readonly type: string; readonly status: number }
  /** A response that no Tailrace hub would give. */
  readonly 'not-a-hub': { readonly status: number }
  /** An event longer than `maxEventLength`. */
  readonly 'too-large': object
  /** The server sent nothing for too long, not even a heartbeat. */
  readonly silent: object
  /** The stream ended. */
  readonly 'closed-by-server': object
  /** The server sent the reason in the stream before it ended it (`tailrace.error`). */
  readonly 'refused-by-server': { readonly reason: string }
  /**
   * The producer of a one-off stream failed, or the stream was cancelled. What arrived before is incomplete. `reason` is the
   * code of the failure, such as `failed`, `cancelled` or `producer-lost`, and `detail` is its explanation.
   */
  readonly 'stream-failed': { readonly reason: string; readonly detail: string }
  /** Data that is not JSON or base64, or that does not match its schema. */
  readonly 'invalid-event': { readonly type: string; readonly text: string }
  /** The last event ID contains control characters, which cannot be sent back: the stream cannot be resumed. */
  readonly 'invalid-id': object
  /** Events between `from` and `oldest` are permanently gone. Only `readHistory` without `onGap` throws it. */
  readonly gap: { readonly reason: string; readonly from: string; readonly oldest: string }
  /** Only from `useSubscription`: one of its callbacks threw; `cause` is what it threw. */
  readonly callback: object
}

/** The code of an error. Each has its own facts. */
export type ClientErrorCode = keyof ClientErrorFacts

/** The facts of an error, and its cause. */
export interface ClientErrorInit<Code extends ClientErrorCode> extends ErrorOptions {
  readonly details?: ClientErrorFacts[Code]
}

/** An error with one of the codes: its facts are properties of the error. */
export type ClientErrorOf<Code extends ClientErrorCode> = Error & {
  readonly name: 'ClientError'
  readonly code: Code
} & ClientErrorFacts[Code]

/**
 * Every failure that this package reports. Branch on `code`, which also narrows the type: if `error.code === 'status'`,
 * there is `error.status`.
 */
export type ClientError = { [Code in ClientErrorCode]: ClientErrorOf<Code> }[ClientErrorCode]

const brand: unique symbol = Symbol.for('@tailrace/client.ClientError')

interface ClientErrorClass {
  new <Code extends ClientErrorCode>(
    code: Code,
    message: string,
    init?: ClientErrorInit<Code>,
  ): ClientErrorOf<Code>
  readonly prototype: ClientError
  /** True for a `ClientError` from any copy of this package in the process. */
  is(value: unknown): value is ClientError
}

class Failure extends Error {
  override readonly name = 'ClientError'
  readonly code: ClientErrorCode

  constructor(code: ClientErrorCode, message: string, init: ClientErrorInit<ClientErrorCode> = {}) {
    super(message, init)
    this.code = code
    Object.assign(this, init.details)
    Object.defineProperty(this, brand, { value: true })
  }

  static is(value: unknown): boolean {
    return value instanceof Error && brand in value
  }
}

export const ClientError = Failure as unknown as ClientErrorClass
