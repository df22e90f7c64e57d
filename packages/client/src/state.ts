import { ClientError } from './errors.ts'
import type { EventMap, EventOf, Item, Status } from './items.ts'

const DEFAULT_KEEP = 100

/**
 * The status of a subscription.
 *
 * - `idle`: there is no URL, so there is no connection.
 * - `connecting`: nothing has arrived yet. Also the status during rendering on a server.
 * - `open`: events arrive; a hub may still be sending missed events. With servers other than Tailrace, the status stays
 *   `open`.
 * - `live`: all missed events have arrived; from here on, events are new.
 * - `reconnecting`: the connection is lost, `error` is the reason, and there will be another one.
 * - `ended`: the topics have ended. No more events will arrive.
 * - `failed`: it failed permanently, and `error` is the reason.
 */
export type SubscriptionStatus = 'idle' | 'connecting' | 'open' | 'live' | 'reconnecting' | 'ended' | 'failed'

/** The state of a subscription. It is immutable: each change creates a new one. */
export interface SubscriptionState<Events extends EventMap = Record<string, string>> {
  readonly status: SubscriptionStatus
  /** The newest event. */
  readonly last: EventOf<Events> | undefined
  /** The newest events, oldest first; at most `keep`. The same array until another event arrives. */
  readonly events: readonly EventOf<Events>[]
  /** Why it is `reconnecting` or `failed`. If your callback threw, the code is `callback`, and `cause` is what it threw. */
  readonly error: ClientError | undefined
  /** The newest loss: events before `oldest` are permanently gone, so the page may lack them. */
  readonly gap: Extract<Status, { kind: 'gap' }> | undefined
}

/** A state without the list of events. */
export type Facts = Omit<SubscriptionState<EventMap>, 'events'>

export const CONNECTING: SubscriptionState<EventMap> = {
  status: 'connecting',
  last: undefined,
  events: [],
  error: undefined,
  gap: undefined,
}

export const IDLE: SubscriptionState<EventMap> = { ...CONNECTING, status: 'idle' }

/** The facts after an item. */
export function advance(facts: Facts, item: Item<EventMap>): Facts {
  switch (item.kind) {
    case 'event':
      return { ...facts, status: facts.status === 'live' ? 'live' : 'open', error: undefined, last: item }
    case 'live':
      return { ...facts, status: 'live', error: undefined }
    case 'gap':
      return { ...facts, gap: item }
    case 'stream-failed':
      return facts
    case 'reconnecting':
      return { ...facts, status: 'reconnecting', error: item.error }
    default:
      return { ...facts, status: 'ended', error: undefined }
  }
}

/** The number of events that a component keeps. @throws ClientError `invalid-option` */
export function keepOf({ keep = DEFAULT_KEEP }: { readonly keep?: number | undefined }): number {
  if (keep >= 0) return keep
  throw new ClientError('invalid-option', 'keep must be a number of at least 0', {
    details: { option: 'keep' },
  })
}

/** The last `count` elements of a list, or all if there are fewer. */
export function newest<T>(list: readonly T[], count: number): T[] {
  return list.slice(Math.max(0, list.length - count))
}
