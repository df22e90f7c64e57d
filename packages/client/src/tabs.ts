import { ClientError } from './errors.ts'
import type { Share, SharedFeed } from './share.ts'
import type { TabMessage } from './tab-message.ts'
import { startTab, tabStep } from './tabs-step.ts'
import type { TabAction, TabEvent } from './tabs-step.ts'

/** How often a tab pings the connected tab. */
const BEAT_MS = 2_000

/**
 * For `share`: one connection for all tabs (and workers) of an origin that subscribe to the same URL. The tab that
 * holds a Web Lock connects, and passes each event on through a BroadcastChannel, with the position before it. A tab at
 * a different position has missed something, and uses its own connection until it has caught up with the others. If the
 * holder of the lock closes or crashes, the browser gives the lock to another tab; if it does not answer, another tab
 * takes it.
 *
 * @returns undefined if the browser lacks Web Locks or BroadcastChannel
 */
export function tabs(feed: SharedFeed): Share | undefined {
  const { locks } = (globalThis.navigator ?? {}) as { locks?: LockManager }
  if (locks === undefined || typeof BroadcastChannel !== 'function') return undefined
  const { url, sink } = feed
  const name = `tailrace:${url}`
  const channel = new BroadcastChannel(name)
  const isFresh = feed.lastEventId === ''
  const rules = {
    maxWaiting: feed.settings.maxQueuedEvents,
    beginsNow: isFresh && !/[?&](from|lastEventId|snapshot)=/.test(url),
    snapsAfterGap: /[?&]gap=snapshot/.test(url),
  }
  let state = startTab(isFresh && /[?&]snapshot=true/.test(url))
  let queued = new AbortController()
  let release: (() => void) | undefined

  function note(event: TabEvent): void {
    if (feed.isOver) return
    const { lastEventId: place } = feed
    let actions: readonly TabAction[]
    ;[state, actions] = tabStep(state, event, { ...rules, place, isFull: sink.isFull })
    for (const action of actions) perform(action)
  }

  function perform(action: TabAction): void {
    switch (action.kind) {
      case 'post':
        channel.postMessage(action.message)
        break
      case 'take':
        feed.take(action.event).then(() => note({ kind: 'taken' }), refuse)
        break
      case 'tell': {
        const { error, delayMs } = action
        const { code, message, details } = error
        try {
          sink.tell({
            kind: 'reconnecting',
            error: new ClientError(code, message, { details }) as ClientError,
            delayMs,
          })
        } catch (thrown) {
          feed.fail(thrown)
        }
        break
      }
      case 'steal':
        void lead(true)
        break
      default:
        feed[action.kind]()
    }
  }

  function refuse(error: unknown): void {
    if (ClientError.is(error)) note({ kind: 'untakable' })
    else feed.fail(error)
  }

  /** Holds the lock, once it is free or taken, for as long as it can. */
  async function lead(isTaken: boolean): Promise<void> {
    queued.abort()
    queued = new AbortController()
    const { signal } = queued
    try {
      await locks!.request(name, isTaken ? { steal: true } : { signal }, async () => {
        if (feed.isOver) return
        const isOver = new Promise<void>((resolve) => (release = resolve))
        note({ kind: 'elected' })
        await isOver
      })
    } catch {
      // Another tab has taken it, or this tab requests it in another way.
    }
    if (feed.isOver || signal.aborted) return
    note({ kind: 'deposed' })
    void lead(false)
  }

  channel.addEventListener('message', ({ data }) => note({ kind: 'heard', message: data as TabMessage }))
  const timer = setInterval(() => note({ kind: 'beat' }), BEAT_MS)
  channel.postMessage({ kind: 'ping' })
  void lead(false)

  return {
    pass: (event) => note({ kind: 'passing', event }),
    lose(error, delayMs) {
      const { code, message } = error
      const details = Object.fromEntries(Object.entries(error))
      note({ kind: 'lost', error: { code, message, details }, delayMs })
    },
    idle: () => note({ kind: 'idle' }),
    leave() {
      clearInterval(timer)
      queued.abort()
      channel.close()
      release?.()
    },
  }
}
