/**
 * Every way in which this package can fail. A code is public API: adding one is a minor change, changing one is a
 * major change.
 *
 * - `invalid-field`: a field other than `data` passed to `encodeEvent` contains a CR, LF or NUL, or `retry` is not a
 *   whole number of milliseconds in range. `details.field` names it.
 * - `invalid-text`: text passed to `encodeEvent` contains a lone surrogate, which UTF-8 cannot represent.
 *   `details.field` names it.
 * - `invalid-option`: an option of `createDecoder` is out of range. `details.option` names it.
 * - `buffer-exceeded`: a stream exceeded the bound of the decoder, `details.maxBufferLength`.
 * - `reentrant-call`: a callback of a decoder's sink called `push` or `end` of that decoder.
 */
export type WireErrorCode =
  | 'invalid-field'
  | 'invalid-text'
  | 'invalid-option'
  | 'buffer-exceeded'
  | 'reentrant-call'

/** Facts about a failure. They never contain the text of an event. */
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
