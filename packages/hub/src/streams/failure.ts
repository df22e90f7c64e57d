import { HubError } from '../errors.ts'

/**
 * Why a stream ended without being complete: the `code` of its last event.
 *
 * - `failed`: its producer failed.
 * - `cancelled`: someone cancelled it.
 * - `producer-lost`: the process that produced it is gone.
 * - `event-too-large`: an event was larger than the hub, or the engine of its log, accepts.
 * - `upstream-refused`, `upstream-truncated`, `upstream-failed`: the source that it relays did not accept the request,
 *   broke off, or reported an error.
 */
export type StreamFailureCode =
  | 'failed'
  | 'cancelled'
  | 'producer-lost'
  | 'event-too-large'
  | 'upstream-refused'
  | 'upstream-truncated'
  | 'upstream-failed'

/** The longest message that readers receive, in UTF-16 code units. The rest is cut off. */
const MAX_MESSAGE_LENGTH = 1_000

const brand: unique symbol = Symbol.for('@tailrace/hub.StreamFailure')

/** A failure whose message the readers of a stream may see. Pass it to `StreamWriter.fail`, or throw it from a source. */
export class StreamFailure extends Error {
  override readonly name = 'StreamFailure'
  readonly code: StreamFailureCode

  constructor(code: StreamFailureCode, message: string, init: ErrorOptions = {}) {
    super(message.slice(0, MAX_MESSAGE_LENGTH).toWellFormed(), init)
    this.code = code
    Object.defineProperty(this, brand, { value: true })
  }

  /** True for a `StreamFailure` from any copy of this package in the process. */
  static is(value: unknown): value is StreamFailure {
    return value instanceof Error && brand in value
  }
}

/** What readers may learn about an error. Its own message may contain secrets. */
export function visibleFailure(error: unknown): StreamFailure {
  if (StreamFailure.is(error)) return error
  if (HubError.is(error) && error.code === 'event-too-large')
    return new StreamFailure('event-too-large', error.message)
  return new StreamFailure('failed', 'The producer of this stream failed.')
}
