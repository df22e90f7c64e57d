import type { DecodedEvent } from '@tailrace/wire'
import { controlOf } from './items.ts'
import { orderOf } from './place.ts'
import type { ErrorRecord, TabMessage } from './tab-message.ts'

/** Unanswered pings before another tab connects. The timers of a hidden page may be late by a second. */
const MAX_UNANSWERED = 2

/**
 * The role of a tab among the others.
 *
 * - `newcomer`: it does not know the position of the others.
 * - `follower`: it has the position of the others, and receives what the leader passes on.
 * - `behind`: it lacks events that the others have, and uses its own connection until it has caught up.
 * - `leader`: it connects for all.
 */
export type Role = 'newcomer' | 'follower' | 'behind' | 'leader'

/** The state of a tab. Its position is that of its feed. */
export interface TabState {
  readonly role: Role
  /** Its own connection. One that is `leaving` may still pass on its current event. */
  readonly link: 'none' | 'up' | 'leaving'
  /** An event from the leader is being passed on. Until that is done, there is no position to connect from. */
  readonly isTaking: boolean
  /** In the middle of a snapshot: the tab has no position in the log, and nothing shows which events it lacks. */
  readonly isPartial: boolean
  /** All missed events have arrived. */
  readonly isLive: boolean
  /** Unanswered pings in a row. */
  readonly unanswered: number
  /** Messages that could not be handled yet, in order. */
  readonly waiting: readonly TabMessage[]
}

/** Facts outside of the state of the tab. */
export interface Surroundings {
  /** The position of the feed. */
  readonly place: string
  /** The consumer does not process its events. */
  readonly isFull: boolean
  /** Maximum number of waiting messages. */
  readonly maxWaiting: number
  /** It wants only new events, so it can start where the others are. */
  readonly beginsNow: boolean
  /** A gap is followed by a snapshot. */
  readonly snapsAfterGap: boolean
}

export type TabEvent =
  | { readonly kind: 'heard'; readonly message: TabMessage }
  /** It is time to ping the leader. */
  | { readonly kind: 'beat' }
  /** The browser has made this tab the leader, or another one. */
  | { readonly kind: 'elected' }
  | { readonly kind: 'deposed' }
  /** An event arrived over its own connection, or one from the leader is about to be passed on. */
  | { readonly kind: 'passing'; readonly event: DecodedEvent }
  /** The event from the leader was passed on. */
  | { readonly kind: 'taken' }
  /** The event from the leader cannot be decoded. */
  | { readonly kind: 'untakable' }
  | { readonly kind: 'lost'; readonly error: ErrorRecord; readonly delayMs: number }
  /** It has no connection. */
  | { readonly kind: 'idle' }

export type TabAction =
  | { readonly kind: 'post'; readonly message: TabMessage }
  /** Connect, or close the connection. */
  | { readonly kind: 'start' | 'release' }
  | { readonly kind: 'take'; readonly event: DecodedEvent }
  /** Report to the consumer that the connection of the leader is lost. */
  | { readonly kind: 'tell'; readonly error: ErrorRecord; readonly delayMs: number }
  /** Replace a leader that does not answer. */
  | { readonly kind: 'steal' }

export type TabStep = readonly [TabState, readonly TabAction[]]

export function startTab(isPartial: boolean): TabState {
  return {
    role: 'newcomer',
    link: 'none',
    isTaking: false,
    isPartial,
    isLive: false,
    unanswered: 0,
    waiting: [],
  }
}

/** Handles an event: returns the next state, and the actions to take. */
export function tabStep(state: TabState, event: TabEvent, around: Surroundings): TabStep {
  const actions: TabAction[] = []
  let next = respond(state, event, around, actions)
  next = dealWithWaiting(next, around, actions)
  const isNeeded = next.role === 'leader' || next.role === 'behind'
  if (isNeeded && next.link !== 'up' && !next.isTaking) {
    next = { ...next, link: 'up' }
    actions.push({ kind: 'start' })
  } else if (!isNeeded && next.link === 'up') {
    next = { ...next, link: 'leaving' }
    actions.push({ kind: 'release' })
  }
  return [next, actions]
}

function respond(state: TabState, event: TabEvent, around: Surroundings, actions: TabAction[]): TabState {
  const { role, isPartial } = state
  const place = isPartial ? undefined : around.place
  switch (event.kind) {
    case 'heard':
      return hear(state, event.message, around, actions)
    case 'beat':
      if (role === 'leader') return state
      if (state.unanswered >= MAX_UNANSWERED) {
        actions.push({ kind: 'steal' })
        return { ...state, unanswered: 0 }
      }
      actions.push({ kind: 'post', message: { kind: 'ping' } })
      // A newcomer need not wait until it is certain.
      return {
        ...(role === 'newcomer' && state.unanswered > 0 ? fallBehind(state) : state),
        unanswered: state.unanswered + 1,
      }
    case 'elected':
      // A connection that it already has may be live.
      return { ...state, role: 'leader', waiting: [], isLive: state.isLive && state.link === 'up' }
    case 'deposed':
      return { ...state, role: 'follower' }
    case 'passing': {
      const { event: passed } = event
      const isLiveNow = passed.type === 'tailrace.live'
      if (role === 'leader')
        actions.push({ kind: 'post', message: { kind: 'event', after: place, event: passed } })
      return {
        ...state,
        isLive: state.isLive || isLiveNow,
        // The position of a gap says nothing about a snapshot that follows it.
        isPartial: !isLiveNow && (isPartial || (around.snapsAfterGap && passed.type === 'tailrace.gap')),
      }
    }
    case 'taken':
      return { ...state, isTaking: false }
    case 'untakable':
      // Its own connection will deliver it again, and ask the caller how to handle it.
      return fallBehind({ ...state, isTaking: false })
    case 'lost':
      if (role === 'leader') actions.push({ kind: 'post', message: event })
      return { ...state, isLive: false }
    default:
      return { ...state, link: 'none' }
  }
}

function hear(
  state: TabState,
  message: TabMessage,
  { place, isFull, maxWaiting }: Surroundings,
  actions: TabAction[],
): TabState {
  const { role, isPartial, isLive, waiting } = state
  if (role === 'leader') {
    // A leader that cannot read on is of no use to the others. It does not answer, so that one of them becomes the
    // leader.
    if (message.kind === 'ping' && !isFull)
      actions.push({ kind: 'post', message: { kind: 'pong', place: isPartial ? undefined : place, isLive } })
    return state
  }
  if (message.kind === 'ping') return state
  const heard = { ...state, unanswered: 0 }
  if (message.kind !== 'event') return { ...heard, waiting: [...waiting, message].slice(-maxWaiting) }
  if (role === 'newcomer') return heard
  // Its own connection will deliver again what cannot be kept.
  if (isFull || waiting.length >= maxWaiting) return fallBehind(heard)
  return { ...heard, waiting: [...waiting, message] }
}

/** The tab's own connection will deliver the waiting events again. */
function fallBehind(state: TabState): TabState {
  return state.role === 'behind' ? state : { ...state, role: 'behind', isLive: false, waiting: [] }
}

function dealWithWaiting(given: TabState, around: Surroundings, actions: TabAction[]): TabState {
  let state = given
  // Its own connection may still move the position; while the tab is behind, that is intended.
  while (
    state.waiting.length > 0 &&
    !state.isTaking &&
    (state.role !== 'follower' || state.link === 'none')
  ) {
    const [message, ...waiting] = state.waiting
    state = dealWith({ ...state, waiting }, message!, around, actions)
  }
  return state
}

function dealWith(
  state: TabState,
  message: TabMessage,
  { place: ownPlace, beginsNow }: Surroundings,
  actions: TabAction[],
): TabState {
  const { role } = state
  const place = state.isPartial ? undefined : ownPlace
  const take = (event: DecodedEvent): TabState => {
    actions.push({ kind: 'take', event })
    return { ...state, role: 'follower', isTaking: true }
  }
  if (message.kind === 'lost') {
    if (role !== 'behind') actions.push({ ...message, kind: 'tell' })
  } else if (message.kind === 'pong') {
    const theirs = message.place
    // Its own connection is released when it has caught up with the others, even if they receive nothing new.
    if (role === 'behind') {
      const isThere = state.isLive && message.isLive && (orderOf(place, theirs) ?? -1) >= 0
      return isThere ? { ...state, role: 'follower' } : state
    }
    if (role === 'newcomer') {
      if (theirs === undefined || (!beginsNow && place !== theirs)) return fallBehind(state)
      if (theirs !== '') return take(controlOf(message.isLive ? 'tailrace.live' : 'tailrace.place', theirs))
      return { ...state, role: 'follower' }
    }
  } else if (message.kind === 'event') {
    const { after, event } = message
    const ahead = orderOf(place, after)
    const aheadOfEvent = orderOf(place, event.lastEventId)
    // Events are missing, unless its own connection has already delivered this event.
    if (ahead === undefined || ahead < 0) return aheadOfEvent === 0 ? state : fallBehind(state)
    if (state.link !== 'none') return { ...state, role: 'follower', waiting: [message, ...state.waiting] }
    const isKnown = event.type.startsWith('tailrace.')
      ? ahead > 0 && event.type !== 'tailrace.live'
      : ahead > 0 && (aheadOfEvent ?? 0) >= 0
    if (isKnown) return { ...state, role: 'follower' }
    // A late message must not move back a tab whose own connection is ahead.
    const isLate = ahead > 0 && (aheadOfEvent ?? 0) > 0
    return take(isLate ? { ...event, lastEventId: ownPlace } : event)
  }
  return state
}
