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
 * function is not a change. `headers`, `onError` and `onComment` are always those that were rendered last; `decode`,
 * `store`, `fetch`, `share` and a `body` that is not a string remain those of the first rendering with the URL.
 */
export interface UseSubscriptionOptions<Events extends EventMap> extends Omit<SubscribeOptions, 'signal'> {
  /** How many of the newest events the state contains. Changing it does not reconnect. @defaultValue 100 */
  readonly keep?: number | undefined
  /** Called for each event that arrives while the component is mounted. Always the function that was rendered last. */
  readonly onEvent?: ((event: EventOf<Events>) => void) | undefined
}

/**
 * The current state of a subscription to a URL. Without a URL, there is no connection.
 *
 * Components with the same URL and options share one connection and its state. It is open from when the first of them
 * is mounted until shortly after the last one is unmounted, but never during rendering on a server. Another URL, or
 * another value in the options, is another subscription, which begins without events.
 *
 * @throws ClientError `invalid-option`, to the nearest error boundary
 */
export function useSubscription<Events extends EventMap = Record<string, string>>(
  url: string | URL | null | undefined,
  options: UseSubscriptionOptions<Events> = {},
): SubscriptionState<Events> {
  const keep = keepOf(options)
  const values = url === null || url === undefined ? undefined : valuesOf(url, options as MemberOptions)
  // Functions are compared only when a value has changed, because an inline function is a new one in each rendering.
  const given = useMemo(() => {
    if (values === undefined) return undefined
    return { key: values + identitiesOf(options), url: String(url), options: options as MemberOptions }
  }, [values])
  const key = given?.key
  const rendered = useRef({ key, options })
  // Before any effect and any event: once another URL is on the screen, events of the previous one are too late.
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

/** The URL and all options that can be compared by value, as text. */
function valuesOf(url: string | URL, { headers, ...options }: MemberOptions): string {
  const values = Object.entries(options)
    .filter(([name, value]) => name !== 'keep' && /string|number|boolean/.test(typeof value))
    .map((entry) => JSON.stringify(entry))
  const named = typeof headers === 'function' ? 'called' : [...new Headers(headers)]
  return JSON.stringify([String(url), named, values.toSorted()])
}

const numbers = new WeakMap<object, number>()
let count = 0

/** The options that are equal only if they are the same object, as text. */
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
