import type { DecodedEvent } from '@tailrace/wire'
import { ClientError } from './errors.ts'
import { controlOf } from './items.ts'
import { orderOf } from './place.ts'
import type { Session } from './session.ts'
import type { Message, MessageOf } from './tab-message.ts'

/** How often a tab asks the one that connects whether it is well. */
const PING_MS = 2_000
/** Questions without an answer before another tab connects. The timers of a hidden page may be late by a second. */
const MAX_UNANSWERED = 2

/** The tabs (and workers) of one origin that subscribe to the same URL: one of them connects. */
export interface Tabs {
  /** Resolves when this one has to connect, or the subscription is over. @throws what a consumer's `decode` threw */
  turn(): Promise<void>
  /** Told of all that this tab takes. Gives it to the others, if it is the one that connects for all. */
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
  /** In the middle of a snapshot: what this tab has is no place in the log, and what it lacks nobody can tell. */
  let isPartial = session.lastEventId === '' && /[?&]snapshot=true/.test(url)
  let isLeader = false
  /** Everything that was missed has come. */
  let isLive = false
  /** It has a connection, or is about to have one again. */
  let isConnecting = false
  /** Something that the others have has not come here: this tab connects for itself until it has. */
  let isBehind = false
  /** It knows where the others are. */
  let isPlaced = false
  let unanswered = 0
  /** What comes by the channel is taken one after the other, since to decode may take a while. */
  let received = Promise.resolve()
  /** What is being taken of that: before it is, this tab has no place to connect from. */
  let taking: Promise<void> | undefined
  let failure: Error | undefined
  let waiting = 0
  /** Events that came while too much was waiting. */
  let dropped = 0
  /** Called when this tab's connection is over. */
  let onIdle: (() => void) | undefined
  let queued = new AbortController()
  let release: (() => void) | undefined

  const isDue = (): boolean =>
    taking === undefined && (isLeader || isBehind || session.isOver || failure !== undefined)
  const post = (message: Message): void => channel.postMessage(message)
  const placeOf = (): string | undefined => (isPartial ? undefined : session.lastEventId)
  const wake = (): void => session.interrupt?.()

  /** Holds the lock, once it is free or taken, for as long as it can. */
  async function lead(isTaken: boolean): Promise<void> {
    queued.abort()
    queued = new AbortController()
    const { signal } = queued
    try {
      await locks!.request(name, isTaken ? { steal: true } : { signal }, async () => {
        isLeader = isPlaced = true
        isBehind = isLive = false
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
      if (isLeader && !session.queue.isFull) post({ kind: 'pong', place: placeOf(), isLive })
      return
    }
    if (isLeader) return
    unanswered = 0
    if (message.kind === 'pong') {
      enqueue(isPlaced ? () => rejoin(message) : () => settle(message))
      isPlaced = true
    } else if (message.kind === 'lost') {
      enqueue(() => reconnect(message))
    } else if (isPlaced) {
      if (session.queue.isFull || waiting >= session.settings.maxQueued) {
        dropped += 1
        fallBehind()
      } else {
        const before = dropped
        enqueue(() => accept(message, before))
      }
    }
  }

  function enqueue(step: () => void | Promise<void>): void {
    waiting += 1
    received = received
      .then(() => (isLeader || failure !== undefined || session.isOver ? undefined : step()))
      .catch((error: Error) => {
        // An event that cannot be decoded: its own connection brings it again, and asks the caller what to do.
        if (error instanceof ClientError) {
          fallBehind()
          return
        }
        failure = error
        wake()
      })
      .finally(() => (waiting -= 1))
  }

  /** The first that is heard of the others. */
  async function settle({ place, isLive: areLive }: MessageOf<'pong'>): Promise<void> {
    if (isBehind) return
    if (place === undefined || (!beginsNow && placeOf() !== place)) fallBehind()
    else if (place !== '') await take(controlOf(areLive ? 'tailrace.live' : 'tailrace.place', place))
  }

  /** Lets its own connection go when it has come to where the others are, though nothing new comes to them. */
  async function rejoin({ place, isLive: areLive }: MessageOf<'pong'>): Promise<void> {
    if (isBehind && isLive && areLive && (orderOf(placeOf(), place) ?? -1) >= 0) await disconnect()
  }

  /** Its own connection is no longer needed. Its last event may be on its way. */
  async function disconnect(): Promise<void> {
    isBehind = false
    if (!isConnecting) return
    const idle = new Promise<void>((resolve) => (onIdle = resolve))
    wake()
    await idle
  }

  function reconnect({ error: { code, message, details }, delayMs }: MessageOf<'lost'>): void {
    if (isBehind) return
    session.tell({ kind: 'reconnecting', error: new ClientError(code, message, details), delayMs })
  }

  async function accept(message: MessageOf<'event'>, droppedBefore: number): Promise<void> {
    // What came before one that was dropped must not end the connection that brings that one.
    if (isLeader || session.isOver || dropped > droppedBefore) return
    const { after, event } = message
    const ahead = orderOf(placeOf(), after)
    const aheadOfEvent = orderOf(placeOf(), event.lastEventId)
    if (ahead === undefined || ahead < 0) {
      // It may have come this far by itself already.
      if (aheadOfEvent !== 0) fallBehind()
      return
    }
    if (isConnecting) {
      await disconnect()
      return accept(message, droppedBefore)
    }
    isBehind = false
    const isKnown = event.type.startsWith('tailrace.')
      ? ahead > 0 && event.type !== 'tailrace.live'
      : ahead > 0 && (aheadOfEvent ?? 0) >= 0
    if (isKnown) return
    // What is said late must not set back a tab that has come further by itself.
    const isLate = ahead > 0 && (aheadOfEvent ?? 0) > 0
    await take(isLate ? { ...event, lastEventId: session.lastEventId } : event)
  }

  async function take(event: DecodedEvent): Promise<void> {
    taking = session.take(event)
    try {
      await taking
    } finally {
      taking = undefined
    }
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
      isConnecting = false
      onIdle?.()
      while (!isDue()) {
        await (taking?.catch(() => {}) ?? new Promise<void>((resolve) => (session.interrupt = resolve)))
      }
      isConnecting = true
      if (failure !== undefined && !session.isOver) throw failure
    },
    pass(event) {
      const after = placeOf()
      const isLiveNow = event.type === 'tailrace.live'
      // A gap may be followed by a snapshot, which the place of the gap says nothing about.
      isPartial = !isLiveNow && (isPartial || (event.type === 'tailrace.gap' && /[?&]gap=snapshot/.test(url)))
      isLive ||= isLiveNow
      if (!isLeader) return
      post({ kind: 'event', after, event })
    },
    lose({ code, message, details }, delayMs) {
      isLive = false
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
