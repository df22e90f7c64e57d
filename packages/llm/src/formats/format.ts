/** An event as the upstream sent it: its name, if it has one, and its data. */
export interface UpstreamEvent {
  readonly type: string | undefined
  readonly data: string
}

/** What one API makes of Server-Sent Events: how an answer ends, and how its client library learns of a failure. */
export interface Format {
  /** How the answer ends with this event; undefined if more follows. */
  ending(event: UpstreamEvent): 'complete' | 'failed' | undefined
  /** Whether the answer has no terminal event: it is complete when the response is. */
  readonly endsWithResponse: boolean
  /** The end of an answer whose producer has not chosen a last event, if clients expect one. */
  readonly done: UpstreamEvent | undefined
  /** The event for which the client library of this API throws its own error. */
  failure(code: string, message: string): UpstreamEvent
  /** Header fields that readers of the format expect besides those of every event stream. */
  readonly headers: Readonly<Record<string, string>>
  /** The status by which clients learn that there is no such answer. */
  readonly absent: 204 | 404
}
