/**
 * Every way this package can fail. A code is public API: adding one is minor, changing one is major.
 *
 * - `invalid-topic`, `invalid-selector`: the name breaks the rules of `parseTopic` or `parseSelector`.
 * - `topic-ended`: the batch publishes to a topic that has ended; nothing of it was stored.
 * - `busy`: more is waiting for its commit than the log may hold in memory; retry later.
 * - `full`, `unwritable`: the disk is full, or a write failed; nothing of the batch was stored.
 * - `read-only`, `locked`, `foreign`, `newer-schema`, `corrupt`, `cannot-open`: the log cannot be opened as it is.
 * - `closed`: the log was closed, or its engine died.
 */
export type LogErrorCode =
  | 'invalid-topic'
  | 'invalid-selector'
  | 'topic-ended'
  | 'busy'
  | 'full'
  | 'unwritable'
  | 'read-only'
  | 'locked'
  | 'foreign'
  | 'newer-schema'
  | 'corrupt'
  | 'cannot-open'
  | 'closed'

/** Facts for logs and users; never secrets, never payloads. */
export type LogErrorDetails = Readonly<Record<string, string | number | boolean>>

export interface LogErrorInit extends ErrorOptions {
  details?: LogErrorDetails | undefined
}

const brand: unique symbol = Symbol.for('@tailrace/log.LogError')

/** Thrown, or rejected with, by every function of this package. Branch on `code`, never on `message`. */
export class LogError extends Error {
  override readonly name = 'LogError'
  readonly code: LogErrorCode
  readonly details: LogErrorDetails

  constructor(code: LogErrorCode, message: string, init: LogErrorInit = {}) {
    super(message, init)
    this.code = code
    this.details = init.details ?? {}
    Object.defineProperty(this, brand, { value: true })
  }

  /** True for a `LogError` from any copy of this package in the process. */
  static is(value: unknown): value is LogError {
    return value instanceof Error && brand in value
  }
}
