import type { TopicEvent } from '../topic-event.ts'

export interface StreamOptions {
  /**
   * How long the topic is kept after its end, in milliseconds: from 0 to 30 days. Then it is purged. A log that cannot
   * purge topics keeps it.
   *
   * @defaultValue 24 hours
   */
  readonly ttlMs?: number | undefined
  /** Cancels the stream. */
  readonly signal?: AbortSignal | undefined
}

export interface WriteOptions {
  /** @defaultValue none: an `EventSource` dispatches `message` */
  readonly type?: string | undefined
}

/**
 * The producer's end of a one-off stream. Its readers come and go; the stream continues without them, until it ends.
 * Everything written is stored in order, exactly once.
 */
export interface StreamWriter {
  readonly topic: string
  /**
   * Aborted when the stream is over without its producer having ended it: it was cancelled, its topic was purged, its
   * log was lost, or the hub was closed. The reason is a HubError or LogError. Stop producing then.
   */
  readonly signal: AbortSignal
  /**
   * The cursor of the stream's first event, which opens it: a reader that resumes from there receives everything.
   * Rejects with HubError `stream-exists` if the topic has events, HubError `busy`, or a LogError. Then nothing was
   * stored. It need not be awaited.
   */
  readonly opened: Promise<string>

  /**
   * Writes an event. A string is stored verbatim, any other value as its JSON text. Resolves when there is room for
   * more, which is usually at once; the event may not be durable yet. To write at the pace of the log, await it. A producer that
   * does not is refused (`busy`) when 16 MiB are waiting.
   *
   * @throws HubError `stream-over` if the stream is over, or the reason for which it could not be opened; any other
   *   HubError, or TypeError, if this event cannot be written, after which others can
   */
  write(data: unknown, options?: WriteOptions): Promise<void>

  /** Resolves when everything written so far is durable. @throws as `write` if the stream is over before that */
  flush(): Promise<void>

  /**
   * Writes everything that a source yields, at the pace of the log, and ends the stream. If the source throws, the
   * stream fails. If the stream is over before the source is, the source is stopped by its `return` or `cancel`.
   *
   * Resolves when the end is durable. Rejects with the error of the source, or as `write`. It need not be awaited.
   */
  pipe(source: AsyncIterable<unknown> | ReadableStream<unknown>, options?: WriteOptions): Promise<void>

  /**
   * Ends the stream, as complete. With `last`, that event is the end; otherwise it is `tailrace.done`. Resolves with its
   * cursor, when everything is durable.
   *
   * @throws HubError `stream-over` if the stream is over already, or if it was cancelled before this could be stored
   */
  end(last?: Pick<TopicEvent, 'type' | 'data'>): Promise<string>

  /**
   * Ends the stream with an error that its readers see (`tailrace.failed`). They receive the message of a
   * {@link StreamFailure}; any other error is reported to `onError`, and they receive a general message. Otherwise as
   * `end`.
   */
  fail(error: unknown): Promise<string>
}

/** What the log says about a stream. */
export type FoundStream = {
  readonly topic: string
  /**
   * The cursor of its first event. A reader that resumes from there receives all of the stream, or, if retention has
   * removed its beginning, a gap.
   */
  readonly start: string
} & StreamStatus

export type StreamStatus =
  | { readonly state: 'open' }
  /** `end` is the cursor of its last event. */
  | { readonly state: 'done'; readonly end: string }
  /** `code` is a {@link StreamFailureCode}, unless another version wrote it. */
  | { readonly state: 'failed'; readonly end: string; readonly code: string; readonly message: string }
