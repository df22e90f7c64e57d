/**
 * Every way in which a log can fail, whatever its engine. A code is public API: adding one is a minor change,
 * changing one is a major change.
 *
 * - `invalid-topic`, `invalid-selector`: the name breaks the rules of `parseTopic` or `parseSelector`.
 * - `topic-ended`: the batch publishes to a topic that has ended; none of it was stored.
 * - `unsupported`: the log lacks the required capability; `details.capability` names it.
 * - `busy`: more is waiting for its commit than the log may hold in memory; retry later.
 * - `full`, `unwritable`: there is no room, or a write failed; none of the batch was stored.
 * - `unreachable`: the engine cannot be reached; nothing was stored. The log reconnects by itself; retry later.
 * - `outcome-unknown`: the connection to the engine was lost before it responded: a write may be stored.
 * - `too-large`: the batch is larger than the engine accepts; `details.limit` is its limit, in bytes.
 * - `unauthorized`: the engine rejects the credentials, or they do not permit what the log needs.
 * - `incompatible`: the engine is too old, or the log was written by a newer version of this package.
 * - `not-durable`: the settings of the engine could lose acknowledged events, and the log was opened with
 *   `requireDurable`.
 * - `replaced`: the engine now holds another log, or an earlier state of this one.
 * - `read-only`, `locked`, `foreign`, `corrupt`, `cannot-open`: the log cannot be opened or used: it is not
 *   writable, another process uses it, it is not a Tailrace log, it is damaged, or there is another problem.
 * - `closed`: the log was closed.
 */
export type LogErrorCode =
  | 'invalid-topic'
  | 'invalid-selector'
  | 'topic-ended'
  | 'unsupported'
  | 'busy'
  | 'full'
  | 'unwritable'
  | 'unreachable'
  | 'outcome-unknown'
  | 'too-large'
  | 'unauthorized'
  | 'incompatible'
  | 'not-durable'
  | 'replaced'
  | 'read-only'
  | 'locked'
  | 'foreign'
  | 'corrupt'
  | 'cannot-open'
  | 'closed'

/** Facts for diagnostics and users. They never contain secrets or the text of events. */
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

/** Failures that pass without anybody changing anything. */
const PASSING: ReadonlySet<LogErrorCode> = new Set([
  'unreachable',
  'outcome-unknown',
  'busy',
  'full',
  'unwritable',
])

/** Whether a log that fails with this error should be tried again, since it may work later as it is. */
export function isPassing(error: unknown): boolean {
  return LogError.is(error) && PASSING.has(error.code)
}
