/**
 * What went wrong.
 *
 * - `invalid-option`: a caller's mistake; the message names the option.
 * - `network`: no answer: no route, no name, a refused or reset connection, or CORS; runtimes do not say which.
 * - `aborted`: somebody else aborted the request, such as a `fetch` of your own. `subscribe` tries again; an
 *   `EventSource` fails, as the specification says.
 * - `headers`: the function for headers threw; `cause` says what.
 * - `open-timeout`: no answer in time.
 * - `status`: an answer that is no stream; `details.status` says which.
 * - `not-a-stream`: an answer of 200 of another type than `text/event-stream`.
 * - `too-large`: an event longer than the decoder's bound.
 * - `silent`: the server sent nothing for too long, not even a heartbeat.
 * - `closed-by-server`: the stream ended.
 * - `refused-by-server`: the server said so in the stream (`tailrace.error`); `details.reason` is its code.
 * - `invalid-event`: data that is no JSON, or that the schema refuses.
 * - `invalid-id`: the server gave an id with control characters, which cannot be sent back: it cannot be resumed.
 * - `callback`: only of `useSubscription`: one of its callbacks threw; `cause` is what it threw.
 * - `publish-refused`: a publish was refused; `details.problem` is the server's answer.
 */
export type ClientErrorCode =
  | 'invalid-option'
  | 'network'
  | 'aborted'
  | 'headers'
  | 'open-timeout'
  | 'status'
  | 'not-a-stream'
  | 'too-large'
  | 'silent'
  | 'closed-by-server'
  | 'refused-by-server'
  | 'invalid-event'
  | 'invalid-id'
  | 'callback'
  | 'publish-refused'

/** The facts of a failure, for programs. */
export type ClientErrorDetails = Readonly<Record<string, unknown>>

/** Every failure that this package reports. */
export class ClientError extends Error {
  override readonly name = 'ClientError'
  readonly code: ClientErrorCode
  readonly details: ClientErrorDetails

  constructor(code: ClientErrorCode, message: string, details: ClientErrorDetails = {}, cause?: unknown) {
    super(message, { cause })
    this.code = code
    this.details = details
  }
}
