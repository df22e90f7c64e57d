import { MAX_RETRY_MS } from '@tailrace/wire'
import type { DecodedEvent } from '@tailrace/wire'
import { ClientError } from './errors.ts'

/** The events of a subscription: the type of `data` for each event type. */
export type EventMap = Readonly<Record<string, unknown>>

/** An event of the stream. */
export interface StreamEvent<Type extends string = string, Data = string> {
  readonly kind: 'event'
  /** `message` if the publisher gave none. */
  readonly type: Type
  readonly data: Data
  /** The position after it: a subscription that starts from here receives everything after it. */
  readonly id: string
  /** On streams of several topics. */
  readonly topic: string | undefined
  /** The publisher's key. */
  readonly key: string | undefined
  /** The event removes its key from the topic's state. */
  readonly remove: boolean
  /** When the hub stored it (RFC 3339). From a stream only with `?time=true` in the URL. */
  readonly time: string | undefined
}

/** The status of a subscription. */
export type Status =
  /** All missed events have arrived. From here on, events are new. */
  | { readonly kind: 'live'; readonly id: string }
  /** Events before `oldest` are permanently gone. Reported before anything newer. */
  | { readonly kind: 'gap'; readonly reason: string; readonly from: string; readonly oldest: string }
  /** The topics have ended, and with them the subscription. */
  | { readonly kind: 'end'; readonly topic: string | undefined }
  /** On streams of several topics: one of them has ended as a failure (`stream-failed`). The others continue. */
  | {
      readonly kind: 'stream-failed'
      readonly topic: string
      readonly id: string
      readonly error: ClientError
    }
  /** The connection is lost, and there will be another one. */
  | { readonly kind: 'reconnecting'; readonly error: ClientError; readonly delayMs: number }

/** An event of any of the types, with the data that its type has. */
export type EventOf<Events extends EventMap> = {
  [Type in keyof Events & string]: StreamEvent<Type, Events[Type]>
}[keyof Events & string]

/** An item that iterating over a subscription yields. */
export type Item<Events extends EventMap> = EventOf<Events> | Status

/** The status in one of the hub's own events. Undefined for the events of publishers. */
export function statusOf({ type, data, lastEventId, topic }: DecodedEvent): Status | undefined {
  const [, kind] = /^tailrace\.(live|gap|end|failed)$/.exec(type) ?? []
  if (kind === undefined) return undefined
  if (kind === 'failed') {
    const { code: reason, message: detail } = facts(data) as Record<'code' | 'message', string>
    const details = { reason, detail }
    const error = new ClientError('stream-failed', `The stream failed: ${detail}`, { details })
    return { kind: 'stream-failed', topic, id: lastEventId, error } as Status
  }
  return (kind === 'live' ? { kind, id: lastEventId } : { topic: undefined, ...facts(data), kind }) as Status
}

/**
 * The maximum silence of a hub that announces its heartbeat, in milliseconds: two heartbeats, and at least a second. 0
 * if it sends no heartbeats; undefined if it announces nothing.
 */
export function readTimeoutOf(data: string): number | undefined {
  const beatMs = facts(data)['heartbeatMs'] as number
  return beatMs > 0 ? Math.min(Math.max(2 * beatMs, 1_000), MAX_RETRY_MS) : beatMs === 0 ? 0 : undefined
}

/**
 * Creates one of the hub's own events, as if it had arrived. `tailrace.place` exists only in the client, and contains
 * only an id.
 */
export function controlOf(type: string, lastEventId: string): DecodedEvent {
  return { type, data: '{}', lastEventId } as DecodedEvent
}

/** The JSON of one of the hub's own events. Empty if it is not a JSON object. */
export function facts(data: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(data)) as Record<string, unknown>
  } catch {
    return {}
  }
}
