import { ClientError } from './errors.ts'
import type { EventMap, EventOf, Item, Status } from './items.ts'

const DEFAULT_KEEP = 100

/**
 * Where a subscription is.
 *
 * - `idle`: there is no URL, so there is no connection.
 * - `connecting`: nothing has come yet. Also what a server renders.
 * - `open`: events come; a hub may still be sending what was missed. Servers other than Tailrace stay here.
 * - `live`: everything that was missed has come; from here on events are new.
 * - `reconnecting`: the connection is lost, `error` says why, and there will be another one.
 * - `ended`: the topics have ended. Nothing more comes.
 * - `failed`: it failed for good, and `error` says why.
 */
export type SubscriptionStatus = 'idle' | 'connecting' | 'open' | 'live' | 'reconnecting' | 'ended' | 'failed'

/** What a subscription has brought so far. Never changed: there is a new one instead. */
export interface SubscriptionState<Events extends EventMap = Record<string, string>> {
  readonly status: SubscriptionStatus
  /** The newest event. */
  readonly last: EventOf<Events> | undefined
  /** The newest events, the oldest of them first; at most `keep`. The same array until there is another event. */
  readonly events: readonly EventOf<Events>[]
  /** Why it is `reconnecting` or `failed`. If your callback threw, the code is `callback`, and `cause` is what it threw. */
  readonly error: ClientError | undefined
  /** The newest loss: something before `oldest` is gone for good, so what the page shows may lack it. */
  readonly gap: Extract<Status, { kind: 'gap' }> | undefined
}

/** A state but for the list of events. */
export type Facts = Omit<SubscriptionState<EventMap>, 'events'>

export const CONNECTING: SubscriptionState<EventMap> = {
  status: 'connecting',
  last: undefined,
  events: [],
  error: undefined,
  gap: undefined,
}

export const IDLE: SubscriptionState<EventMap> = { ...CONNECTING, status: 'idle' }

/** What is so after an item. */
export function advance(facts: Facts, item: Item<EventMap>): Facts {
  switch (item.kind) {
    case 'event':
      return { ...facts, status: facts.status === 'live' ? 'live' : 'open', error: undefined, last: item }
    case 'live':
      return { ...facts, status: 'live', error: undefined }
    case 'gap':
      return { ...facts, gap: item }
    case 'reconnecting':
      return { ...facts, status: 'reconnecting', error: item.error }
    default:
      return { ...facts, status: 'ended', error: undefined }
  }
}

/** How many events a component wants to see. @throws ClientError `invalid-option` */
export function keepOf({ keep = DEFAULT_KEEP }: { readonly keep?: number | undefined }): number {
  if (keep >= 0) return keep
  throw new ClientError('invalid-option', 'keep must be a number of at least 0', {
    details: { option: 'keep' },
  })
}

/** The last `count` of a list, which may be more than there are. */
export function newest<T>(list: readonly T[], count: number): T[] {
  return list.slice(Math.max(0, list.length - count))
}
