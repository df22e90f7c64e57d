import type { DecodedEvent } from '@tailrace/wire'
import { ClientError } from './errors.ts'
import { orderOf } from './place.ts'
import type { Session } from './session.ts'

/** How often a tab asks the one that connects whether it is well. */
const PING_MS = 2_000
/** Questions without an answer before another tab connects. The timers of a hidden page may be late by a second. */
const MAX_UNANSWERED = 2

type Message =
  /** To the one that connects: where are you? */
  | { readonly kind: 'ping' }
  /** Its answer. */
  | { readonly kind: 'pong'; readonly place: string }
  /** What its connection brought, and the place before that. */
  | { readonly kind: 'event'; readonly after: string; readonly event: DecodedEvent }
  /** Its connection is lost. */
  | {
      readonly kind: 'lost'
      readonly error: Pick<ClientError, 'code' | 'message' | 'details'>
      readonly delayMs: number
    }

/** The tabs (and workers) of one origin that subscribe to the same URL: one of them connects. */
export interface Tabs {
  /** Resolves when this one has to connect, or the subscription is over. @throws what a consumer's `decode` threw */
  turn(): Promise<void>
  /** Gives to the others what this one's connection brought, if it is the one that connects for all. */
  pass(event: DecodedEvent): void
  /** Tells the others that there will be another connection. */
  lose(error: ClientError, delayMs: number): void
  leave(): void
}

/**
 * Shares a connection with other tabs: the one that holds a Web Lock connects, and passes on what comes by
 * a BroadcastChannel, each event with the place before it. A tab whose own place is not that one has missed
 * something, and connects for itself until it is where the others are. When the lock's holder closes or
 * crashes, the browser gives the lock to another tab; when it answers no more, another tab takes it.
 *
 * @returns nothing where the browser lacks what it takes
 */
export function joinTabs(session: Session): Tabs | undefined {
  const { locks } = (globalThis.navigator ?? {}) as { locks?: LockManager }
  if (locks === undefined || typeof BroadcastChannel !== 'function') return undefined
  const { url } = session.settings
  const name = `tailrace:${url}`
  const channel = new BroadcastChannel(name)
  const beginsNow = session.lastEventId === '' && !/[?&](from|lastEventId|snapshot)=/.test(url)
  let isLeader = false
  /** Something that the others have has not come here: this tab connects for itself until it has. */
  let isBehind = false
  /** It knows where the others are. */
  let isPlaced = false
  let unanswered = 0
  /** What comes by the channel is taken one after the other, since to decode may take a while. */
  let received = Promise.resolve()
  let failure: Error | undefined
  let waiting = 0
  /** Called when this tab's connection is over. */
  let onIdle: (() => void) | undefined
  let queued = new AbortController()
  let release: (() => void) | undefined

  const isDue = (): boolean => isLeader || isBehind || session.isOver || failure !== undefined
  const post = (message: Message): void => channel.postMessage(message)
  const wake = (): void => session.interrupt?.()

  /** Holds the lock, once it is free or taken, for as long as it can. */
  async function lead(isTaken: boolean): Promise<void> {
    queued.abort()
    queued = new AbortController()
    const { signal } = queued
    try {
      await locks!.request(name, isTaken ? { steal: true } : { signal }, async () => {
        isLeader = isPlaced = true
        isBehind = false
        if (session.isOver) return
        wake()
        await new Promise<void>((resolve) => (release = resolve))
      })
    } catch {
      // Another tab has taken it, or this one asks in another way.
    }
    if (session.isOver || signal.aborted) return
    isLeader = false
    wake()
    void lead(false)
  }

  function onMessage(message: Message): void {
    if (message.kind === 'ping') {
      // Who cannot read on is of no use to the others: one of them will take the lock.
      if (isLeader && !session.isFull) post({ kind: 'pong', place: session.lastEventId })
      return
    }
    if (isLeader) return
    unanswered = 0
    if (message.kind === 'pong') {
      if (!isPlaced) settle(message.place)
    } else if (message.kind === 'event') {
      if (!isPlaced) return
      if (session.isFull || waiting >= session.settings.maxQueued) {
        fallBehind()
        return
      }
      waiting += 1
      received = received
        .then(() => accept(message))
        .catch((error: Error) => {
          failure ??= error
          wake()
        })
        .finally(() => (waiting -= 1))
    } else if (!isBehind) {
      const { code, message: text, details } = message.error
      session.tell({
        kind: 'reconnecting',
        error: new ClientError(code, text, details),
        delayMs: message.delayMs,
      })
    }
  }

  /** The first that is heard of the others. */
  function settle(place: string): void {
    isPlaced = true
    if (beginsNow && !isBehind) session.lastEventId = place
    if (session.lastEventId !== place) fallBehind()
    else if (place !== '') session.tell({ kind: 'live', id: place })
  }

  async function accept(message: Extract<Message, { kind: 'event' }>): Promise<void> {
    const { after, event } = message
    if (isLeader || session.isOver) return
    const ahead = orderOf(session.lastEventId, after)
    if (ahead === undefined || ahead < 0) {
      // It may have come this far by itself already.
      if (orderOf(session.lastEventId, event.lastEventId) !== 0) fallBehind()
      return
    }
    const isOwn = event.type.startsWith('tailrace.')
    const isKnown = isOwn
      ? ahead > 0 && event.type !== 'tailrace.live'
      : ahead > 0 && (orderOf(session.lastEventId, event.lastEventId) ?? 0) >= 0
    if (isBehind) {
      // Where the others are: its own connection is no longer needed. Its last event may be on its way.
      isBehind = false
      const idle = new Promise<void>((resolve) => (onIdle = resolve))
      wake()
      await idle
      return accept(message)
    }
    if (!isKnown) await session.take(event)
  }

  function fallBehind(): void {
    if (isBehind) return
    isBehind = true
    wake()
  }

  channel.addEventListener('message', ({ data }) => onMessage(data as Message))
  const timer = setInterval(() => {
    if (isLeader) return
    if (unanswered >= MAX_UNANSWERED) {
      unanswered = 0
      void lead(true)
      return
    }
    // One that has just come need not wait until it is certain.
    if (unanswered > 0 && !isPlaced) fallBehind()
    unanswered += 1
    post({ kind: 'ping' })
  }, PING_MS)
  post({ kind: 'ping' })
  void lead(false)

  return {
    async turn() {
      onIdle?.()
      while (!isDue()) {
        await new Promise<void>((resolve) => (session.interrupt = resolve))
      }
      if (failure !== undefined) throw failure
    },
    pass(event) {
      if (isLeader) post({ kind: 'event', after: session.lastEventId, event })
    },
    lose({ code, message, details }, delayMs) {
      if (isLeader) post({ kind: 'lost', error: { code, message, details }, delayMs })
    },
    leave() {
      clearInterval(timer)
      queued.abort()
      channel.close()
      release?.()
    },
  }
}
