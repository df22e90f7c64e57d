/**
 * Every way this package can fail. A code is public API: adding one is minor, changing one is major.
 *
 * - `invalid-field`: `encodeEvent` was given a field other than `data` with a CR, LF or NUL in it, or a
 *   `retry` that is not a whole number of milliseconds in range. `details.field` names it.
 * - `invalid-text`: `encodeEvent` was given text with a lone surrogate, which UTF-8 cannot carry.
 *   `details.field` names it.
 * - `invalid-option`: `createDecoder` was given an option out of its range. `details.option` names it.
 * - `buffer-exceeded`: a stream made the decoder hold more than its bound. `details.maxBufferLength` is it.
 * - `reentrant-call`: a callback of a decoder's sink called that decoder's `push` or `end`.
 */
export type WireErrorCode =
  | 'invalid-field'
  | 'invalid-text'
  | 'invalid-option'
  | 'buffer-exceeded'
  | 'reentrant-call'

/** Facts about a failure. They never hold the text of an event. */
export type WireErrorDetails = Readonly<Record<string, string | number | boolean>>

const brand: unique symbol = Symbol.for('@tailrace/wire.WireError')

/** Thrown by every function of this package. Branch on `code`, never on `message`. */
export class WireError extends Error {
  override readonly name = 'WireError'
  readonly code: WireErrorCode
  /** Facts for logs and UIs; never secrets, never payloads. */
  readonly details: WireErrorDetails

  constructor(code: WireErrorCode, message: string, details: WireErrorDetails = {}) {
    super(message)
    this.code = code
    this.details = details
    Object.defineProperty(this, brand, { value: true })
  }

  /** True for a `WireError` from any copy of this package in the process. */
  static is(value: unknown): value is WireError {
    return value instanceof Error && brand in value
  }
}
