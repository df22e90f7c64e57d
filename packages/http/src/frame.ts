import { STREAM_OPENED } from '@tailrace/hub'
import type { Cursor, StoredEvent, TraceContext } from '@tailrace/log'
import { encodeEvent } from '@tailrace/wire'
import { textOf } from './cursor-text.ts'

/** How a stream writes its events. Streams with different representations cannot share frames. */
export interface Representation {
  /** `data:` carries topic, type, key, time and data as JSON, instead of the data alone. */
  readonly envelope: boolean
  /** Each frame names its topic, for streams that may carry more than one. */
  readonly namesTopic: boolean
  /** Each frame has the trace context of its publish, if there is one. */
  readonly traces: boolean
  /** Each frame has the time when its event was stored. */
  readonly times: boolean
}

const NOTHING: Uint8Array = Buffer.alloc(0)

/**
 * Encodes an event. Frames of a snapshot have no id, because the reader has not seen everything before them. The opening
 * of a one-off stream is not for readers, and has no frame.
 */
export function encodeFrame(
  event: StoredEvent,
  { envelope, namesTopic, traces, times }: Representation,
  at: Cursor | undefined,
): Uint8Array {
  if (event.type === STREAM_OPENED) return NOTHING
  const text = encodeEvent({
    type: event.type,
    data: envelope ? JSON.stringify(toEnvelope(event, traces)) : event.data,
    topic: namesTopic ? event.topic : undefined,
    key: event.key,
    remove: event.remove,
    time: times ? new Date(event.time).toISOString() : undefined,
    traceparent: traces ? event.trace?.traceparent : undefined,
    tracestate: traces ? event.trace?.tracestate : undefined,
    id: at === undefined ? undefined : textOf(at),
  })
  return Buffer.from(text)
}

/** An event as JSON: the publisher's fields, and the time when it was stored. */
export interface Envelope extends Partial<TraceContext> {
  readonly topic: string
  readonly type?: string
  readonly key?: string
  /** Present only if true. */
  readonly remove?: boolean
  /** RFC 3339, in UTC. */
  readonly time: string
  readonly data: string
}

/** The event as JSON, without its position in the log. Absent fields are left out. */
export function toEnvelope(
  { topic, type, key, remove, time, data, trace }: StoredEvent,
  traces: boolean,
): Envelope {
  return {
    topic,
    ...(type === undefined ? {} : { type }),
    ...(key === undefined ? {} : { key }),
    ...(remove ? { remove } : {}),
    time: new Date(time).toISOString(),
    data,
    ...(traces ? trace : undefined),
  }
}
