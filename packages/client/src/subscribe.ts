import { createFeed } from './feed.ts'
import type { EventMap } from './items.ts'
import { resolveOptions } from './options.ts'
import type { SubscribeOptions } from './options.ts'
import { createOutlet } from './subscription.ts'
import type { Subscription } from './subscription.ts'

/** A subscription with its own connection. */
export interface StreamSubscription<Events extends EventMap> extends Subscription<Events> {
  /** Reconnects at once from the current position: with new cookies, or when you know that the server is back. */
  restart(): void
}

/**
 * Subscribes to a URL that responds with `text/event-stream`.
 *
 * @throws ClientError `invalid-option`
 */
export function subscribe<Events extends EventMap = Record<string, string>>(
  url: string | URL,
  options: SubscribeOptions = {},
): StreamSubscription<Events> {
  const settings = resolveOptions(String(url), options)
  const { store, signal } = settings
  const storeKey = `tailrace:${settings.url}`
  const lastEventId = settings.lastEventId ?? store?.getItem(storeKey) ?? ''
  const outlet = createOutlet<Events>({
    ...settings,
    lastEventId,
    save(id) {
      try {
        store?.setItem(storeKey, id)
      } catch {
        // The quota is used up: it starts over after a reload.
      }
    },
  })
  const feed = createFeed(settings, outlet, lastEventId)
  const subscription = Object.assign(outlet.open(feed), { restart: feed.restart })
  const { close, closed } = subscription
  const forget = (): void => signal?.removeEventListener('abort', close)
  closed.then(forget, forget)
  signal?.addEventListener('abort', close)
  if (signal?.aborted === true) close()
  return subscription
}
