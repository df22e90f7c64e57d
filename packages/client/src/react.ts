'use client'

import { useCallback, useInsertionEffect, useMemo, useRef, useSyncExternalStore } from 'react'
import type { EventMap, EventOf } from './items.ts'
import type { SubscribeOptions } from './options.ts'
import { join, stateOf } from './shared.ts'
import type { MemberOptions } from './shared.ts'
import { CONNECTING, IDLE, keepOf, newest } from './state.ts'
import type { SubscriptionState } from './state.ts'

export type { SubscriptionState, SubscriptionStatus } from './state.ts'

/**
 * The options of `subscribe()`, except `signal`: to end it, unmount, or pass no URL. They may be written inline: a new
 * function is not a change. `headers`, `onError` and `onComment` are always those rendered last; `decode`, `store`,
 * `fetch`, `share` and a `body` that is not a string stay those of the first rendering with the URL.
 */
export interface UseSubscriptionOptions<Events extends EventMap> extends Omit<SubscribeOptions, 'signal'> {
  /** How many of the newest events the state has. Another number is no new connection. @defaultValue 100 */
  readonly keep?: number | undefined
  /** Called for each event that comes while the component is mounted: always the function rendered last. */
  readonly onEvent?: ((event: EventOf<Events>) => void) | undefined
}

/**
 * What the stream at a URL has brought, kept up to date. Without a URL there is no connection.
 *
 * Components with the same URL and options share one connection, and what it has brought. It is open from when
 * the first of them is mounted until shortly after the last one is gone; never while a server renders. Another URL,
 * or another value in the options, is another subscription, which begins with nothing.
 *
 * @throws ClientError `invalid-option`, to the nearest error boundary
 */
export function useSubscription<Events extends EventMap = Record<string, string>>(
  url: string | URL | null | undefined,
  options: UseSubscriptionOptions<Events> = {},
): SubscriptionState<Events> {
  const keep = keepOf(options)
  const values = url === null || url === undefined ? undefined : valuesOf(url, options as MemberOptions)
  // Functions are looked at only when a value has changed: one that is written in place is another one each time.
  const given = useMemo(() => {
    if (values === undefined) return undefined
    return { key: values + identitiesOf(options), url: String(url), options: options as MemberOptions }
  }, [values])
  const key = given?.key
  const rendered = useRef({ key, options })
  // Before any effect and any event: the moment another URL is on the screen, the last one's events are too late.
  useInsertionEffect(() => {
    rendered.current = { key, options }
  })
  const subscribeTo = useCallback(
    (notify: () => void) => {
      if (given === undefined) return () => {}
      const current = (): MemberOptions | undefined =>
        rendered.current.key === given.key ? (rendered.current.options as MemberOptions) : undefined
      return join(given.key, given.url, given.options, { options: current, notify })
    },
    [given],
  )
  const state = useSyncExternalStore(
    subscribeTo,
    () => (key === undefined ? IDLE : stateOf(key)),
    () => (key === undefined ? IDLE : CONNECTING),
  )
  // Another component with the same URL may want more events.
  return useMemo(() => {
    if (state.events.length <= keep) return state
    return { ...state, events: newest(state.events, keep) }
  }, [state, keep]) as unknown as SubscriptionState<Events>
}

/** The URL, and all of the options that can be compared, as text. */
function valuesOf(url: string | URL, { headers, ...options }: MemberOptions): string {
  const values = Object.entries(options)
    .filter(([name, value]) => name !== 'keep' && /string|number|boolean/.test(typeof value))
    .map((entry) => JSON.stringify(entry))
  const named = typeof headers === 'function' ? 'called' : [...new Headers(headers)]
  return JSON.stringify([String(url), named, values.toSorted()])
}

const numbers = new WeakMap<object, number>()
let count = 0

/** The options that are the same only when they are the same object, as text. */
function identitiesOf({ decode, store, fetch, share, body }: Omit<MemberOptions, 'onEvent'>): string {
  const objects = [decode, store, fetch, share, typeof body === 'string' ? undefined : body]
  return objects
    .map((object) => {
      if (object === undefined) return 0
      if (!numbers.has(object)) numbers.set(object, (count += 1))
      return numbers.get(object)
    })
    .join()
}
