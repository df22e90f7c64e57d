import { MAX_RETRY_MS } from '@tailrace/wire'
import type { DecodedEvent } from '@tailrace/wire'
import type { ClientError } from './errors.ts'

/** The events of a subscription: the type of `data` for each event type. */
export type EventMap = Readonly<Record<string, unknown>>

/** An event of the stream. */
export interface StreamEvent<Type extends string = string, Data = string> {
  readonly kind: 'event'
  /** `message` where the publisher gave none. */
  readonly type: Type
  readonly data: Data
  /** The place after it: a subscription that starts from here gets what follows. */
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

/** What a subscription says about itself. */
export type Status =
  /** Everything that was missed has come; from here on events are new. */
  | { readonly kind: 'live'; readonly id: string }
  /** Something before `oldest` is gone for good. Said before anything newer. */
  | { readonly kind: 'gap'; readonly reason: string; readonly from: string; readonly oldest: string }
  /** The topics have ended, and so has the subscription. */
  | { readonly kind: 'end'; readonly topic: string | undefined }
  /** The connection is lost, and there will be another one. */
  | { readonly kind: 'reconnecting'; readonly error: ClientError; readonly delayMs: number }

export type EventOf<Events extends EventMap> = {
  [Type in keyof Events & string]: StreamEvent<Type, Events[Type]>
}[keyof Events & string]

/** What iterating over a subscription gives. */
export type Item<Events extends EventMap> = EventOf<Events> | Status

/** The hub's own events as what they say; nothing for everybody's events. */
export function statusOf({ type, data, lastEventId }: DecodedEvent): Status | undefined {
  const [, kind] = /^tailrace\.(live|gap|end)$/.exec(type) ?? []
  if (kind === undefined) return undefined
  return (kind === 'live' ? { kind, id: lastEventId } : { topic: undefined, ...facts(data), kind }) as Status
}

/**
 * How long a hub that announces its heartbeat may send nothing: two heartbeats, and a second at least, in milliseconds.
 * 0 where it has none; nothing where it announces nothing.
 */
export function readTimeoutOf(data: string): number | undefined {
  const beatMs = facts(data)['heartbeatMs'] as number
  return beatMs > 0 ? Math.min(Math.max(2 * beatMs, 1_000), MAX_RETRY_MS) : beatMs === 0 ? 0 : undefined
}

/** One of the hub's own events, as if it had come. `tailrace.place` is the client's: it says nothing but its id. */
export function controlOf(type: string, lastEventId: string): DecodedEvent {
  return { type, data: '{}', lastEventId } as DecodedEvent
}

/** The JSON of one of the hub's own events; nothing of it where it is none. */
export function facts(data: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(data)) as Record<string, unknown>
  } catch {
    return {}
  }
}
