/**
 * Why an answer was not relayed completely. A code is public API: adding one is minor, changing one is major.
 *
 * - `upstream-refused`: the API could not be reached, or did not respond with an event stream.
 * - `upstream-truncated`: the answer broke off before its terminal event, or the API was silent for too long.
 * - `upstream-failed`: the API reported an error in the middle of the answer. Readers receive it as it was sent.
 * - `event-too-large`: an event of the answer is larger than the hub accepts (`maxEventBytes`).
 */
export type RelayErrorCode = 'upstream-refused' | 'upstream-truncated' | 'upstream-failed' | 'event-too-large'

/** Facts for logs. Readers of the stream see none of them, because the body of a response may contain part of a key. */
export interface RelayErrorDetails {
  /** The status of the response. */
  readonly status?: number | undefined
  /** The identifier that the API gave to the request. */
  readonly requestId?: string | undefined
  /** At most 4 KiB of what the API said: the body of its response, or the data of its error. */
  readonly body?: string | undefined
  readonly maxEventBytes?: number | undefined
}

export interface RelayErrorInit extends ErrorOptions {
  details?: RelayErrorDetails | undefined
}

const brand: unique symbol = Symbol.for('@tailrace/llm.RelayError')

/** The failure of a relay. Readers see its code and message. Branch on `code`, never on `message`. */
export class RelayError extends Error {
  override readonly name = 'RelayError'
  readonly code: RelayErrorCode
  readonly details: RelayErrorDetails

  constructor(code: RelayErrorCode, message: string, init: RelayErrorInit = {}) {
    super(message, init)
    this.code = code
    this.details = init.details ?? {}
    Object.defineProperty(this, brand, { value: true })
  }

  /** True for a `RelayError` from any copy of this package in the process. */
  static is(value: unknown): value is RelayError {
    return value instanceof Error && brand in value
  }
}
