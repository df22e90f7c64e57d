/**
 * - `invalid-session`: a session id that MCP does not allow: not 1 to 4,096 visible ASCII characters.
 * - `invalid-option`: a bound that is not a number within its limits.
 * - `unknown-event`: no event of this session has the id. It was never issued, belongs to another session, or was removed;
 *   which of these is not disclosed.
 * - `session-ended`: the session was ended, and nothing more is stored for it.
 */
export type EventStoreErrorCode = 'invalid-session' | 'invalid-option' | 'unknown-event' | 'session-ended'

const brand: unique symbol = Symbol.for('@tailrace/mcp.EventStoreError')

/** Thrown, or rejected with, by every function of this package. Branch on `code`, never on `message`. */
export class EventStoreError extends Error {
  override readonly name = 'EventStoreError'
  readonly code: EventStoreErrorCode

  constructor(code: EventStoreErrorCode, message: string) {
    super(message)
    this.code = code
    Object.defineProperty(this, brand, { value: true })
  }

  /** True for an `EventStoreError` from any copy of this package in the process. */
  static is(value: unknown): value is EventStoreError {
    return value instanceof Error && brand in value
  }
}
