/**
 * Every way this package can refuse. A code is public API: adding one is minor, changing one is major. Refusals of the
 * log are passed on as its `LogError`.
 *
 * - `invalid-topic`: not the name of a topic; `details.flaw` says why.
 * - `invalid-type`, `invalid-key`, `invalid-idempotency-key`: too long, or with CR, LF or NUL in it.
 * - `missing-key`: the event removes a key, but does not name one.
 * - `invalid-trace`: a field of the trace context is too long, or has CR, LF or NUL in it.
 * - `reserved-type`: the type starts with `tailrace.`, which only the hub may send.
 * - `invalid-data`: not valid Unicode.
 * - `event-too-large`, `batch-too-large`, `empty-batch`: `maxEventBytes`, `maxBatchBytes` or `maxBatchEvents`, nothing
 *   to publish.
 * - `stream-exists`: a stream cannot begin, because its topic has events.
 * - `stream-over`: nothing can be written to a stream any more; `details.state` is `done`, `failed` or `purged`, and
 *   `details.code` says why it failed.
 * - `unknown-stream`: the topic is not a stream.
 * - `cursor-gone`: what follows a cursor is no longer in the log; `details.reason` is that of a gap.
 * - `busy`: more reads of the log are waiting than `maxQueuedReads` (`details.limit` names the setting), too many streams
 *   are open, or a stream has more to store than it may hold in memory.
 * - `closed`: the hub is closed, or its log is lost.
 */
export type HubErrorCode =
  | 'invalid-topic'
  | 'invalid-type'
  | 'invalid-key'
  | 'invalid-idempotency-key'
  | 'missing-key'
  | 'invalid-trace'
  | 'reserved-type'
  | 'invalid-data'
  | 'event-too-large'
  | 'batch-too-large'
  | 'empty-batch'
  | 'stream-exists'
  | 'stream-over'
  | 'unknown-stream'
  | 'cursor-gone'
  | 'busy'
  | 'closed'

/** Facts for logs and users; never secrets, never payloads. `index` is the place of an event in its batch. */
export type HubErrorDetails = Readonly<Record<string, string | number | boolean>>

export interface HubErrorInit extends ErrorOptions {
  details?: HubErrorDetails | undefined
}

const brand: unique symbol = Symbol.for('@tailrace/hub.HubError')

/** Thrown, or rejected with, by every function of this package. Branch on `code`, never on `message`. */
export class HubError extends Error {
  override readonly name = 'HubError'
  readonly code: HubErrorCode
  readonly details: HubErrorDetails

  constructor(code: HubErrorCode, message: string, init: HubErrorInit = {}) {
    super(message, init)
    this.code = code
    this.details = init.details ?? {}
    Object.defineProperty(this, brand, { value: true })
  }

  /** True for a `HubError` from any copy of this package in the process. */
  static is(value: unknown): value is HubError {
    return value instanceof Error && brand in value
  }
}
