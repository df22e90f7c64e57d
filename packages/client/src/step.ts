import { MAX_RETRY_MS } from '@tailrace/wire'
import { delayAfter, isTransient, retryAfterMs } from './backoff.ts'
import type { DelayBounds } from './backoff.ts'
import type { ClientError, ClientErrorCode } from './errors.ts'
import type { HeadersSource } from './request.ts'

/**
 * What a feed is doing.
 *
 * - `idle`: it needs no connection now: nothing has requested one yet, or another tab has it.
 * - `opening`: it has requested a stream, which has not begun.
 * - `open`: it reads a stream, or pages if streams do not get through.
 * - `failed`: an attempt has failed, and the caller decides what to do.
 * - `waiting`: for the next attempt.
 * - `over`: closed, or permanently failed.
 */
export type Phase = 'idle' | 'opening' | 'open' | 'failed' | 'waiting' | 'over'

/** The complete state of a feed. Times are milliseconds of one clock; `Infinity` means never. */
export interface State {
  readonly phase: Phase
  /** When the phase times out, or the wait ends. */
  readonly dueAt: number
  /** When the response arrived. */
  readonly openedAt: number
  /** In a row, since the server last delivered something. */
  readonly failures: number
  /** The server's `retry:`. */
  readonly retryMs: number
  /** Maximum silence of a live stream; 0 means unlimited. */
  readonly readTimeoutMs: number
  /** The server refused the last headers, and no request with new ones has been sent yet. */
  readonly wereRefused: boolean
  /** Headers were refreshed since the last stable connection. */
  readonly hasRefreshed: boolean
  /** A connection is needed. */
  readonly isNeeded: boolean
}

export interface Rules extends DelayBounds {
  readonly stableAfterMs: number
  readonly openTimeoutMs: number
  /** If it is a function, it can return new ones. */
  readonly headers?: HeadersSource | undefined
}

/** The caller's decision about a failure; undefined means the default rules. */
export type Decision = 'retry' | 'stop' | number | undefined | void

export type Message =
  /** A connection is needed. */
  | { readonly kind: 'start' }
  /** The server has begun a stream, or sent a page. */
  | { readonly kind: 'opened' }
  /** It reads on. */
  | { readonly kind: 'reading' }
  /** Bytes have arrived. While they are passed on, silence says nothing about the server. */
  | { readonly kind: 'received' }
  /** An event was passed on, or a page arrived. */
  | { readonly kind: 'delivered' }
  /** The server has announced its terms. */
  | {
      readonly kind: 'terms'
      readonly terms: Partial<Pick<State, 'retryMs' | 'readTimeoutMs'>>
    }
  /** The attempt has ended. Without an error, it was interrupted, or another one is due. */
  | { readonly kind: 'ended'; readonly error?: ClientError | undefined }
  /** The caller has decided about an error. `chance` is a random number from 0 to 1. */
  | {
      readonly kind: 'decided'
      readonly error: ClientError
      readonly decision: Decision
      readonly chance: number
    }
  /** Time has passed. */
  | { readonly kind: 'time' }
  /** The network or the machine is back. */
  | { readonly kind: 'woke' }
  /** A new connection is needed: with other headers, or to another URL. */
  | { readonly kind: 'restart' }
  /** No connection is needed for now. */
  | { readonly kind: 'release' }
  | { readonly kind: 'close' }

export type Action =
  /** Make an attempt. */
  | { readonly kind: 'connect' }
  /** End the attempt for this reason. Without a code, it is not a failure. */
  | { readonly kind: 'cut'; readonly code?: 'silent' | 'open-timeout' }
  /** Ask the caller how to handle an error, unless new headers may resolve it. */
  | { readonly kind: 'decide'; readonly error: ClientError }
  /** Announce another attempt. */
  | { readonly kind: 'announce'; readonly error: ClientError; readonly delayMs: number }
  /** It has failed permanently. */
  | { readonly kind: 'fail'; readonly error: ClientError }

/** The next state, and what to do now. */
export type Step = readonly [State, Action?]

export function startState(readTimeoutMs: number): State {
  return {
    phase: 'idle',
    dueAt: Infinity,
    openedAt: Infinity,
    failures: 0,
    retryMs: 0,
    readTimeoutMs,
    wereRefused: false,
    hasRefreshed: false,
    isNeeded: false,
  }
}

/** Handles a message. Everything that a feed knows is in its state, so tests can enumerate every situation. */
export function step(state: State, message: Message, now: number, rules: Rules): Step {
  const { phase } = state
  const isActive = phase === 'opening' || phase === 'open'
  if (phase === 'over') return [state]
  switch (message.kind) {
    case 'start':
      return isActive ? [{ ...state, isNeeded: true }] : attempt(state, now, rules)
    case 'opened':
      return [{ ...state, phase: 'open', openedAt: now, wereRefused: false }]
    case 'reading':
      return [phase === 'open' ? { ...state, dueAt: now + (state.readTimeoutMs || Infinity) } : state]
    case 'received':
      return [{ ...state, phase: 'open', dueAt: Infinity }]
    case 'delivered':
      return [{ ...state, failures: 0 }]
    case 'terms':
      return [{ ...state, ...message.terms }]
    case 'ended':
      return end(state, message.error, now, rules)
    case 'decided':
      return decide(state, message, now, rules)
    case 'close':
      return [quiet(state, 'over'), { kind: 'cut' }]
    case 'release':
      return isActive
        ? [{ ...state, isNeeded: false }, { kind: 'cut' }]
        : [{ ...quiet(state, 'idle'), isNeeded: false }]
    case 'restart':
      if (isActive) return [state, { kind: 'cut' }]
      break
    case 'woke':
    case 'time':
      if (now < state.dueAt && (message.kind === 'time' || isActive)) return [state]
  }
  if (phase === 'waiting') return attempt(state, now, rules)
  if (!isActive) return [state]
  return [
    { ...state, dueAt: Infinity },
    { kind: 'cut', code: phase === 'open' ? 'silent' : 'open-timeout' },
  ]
}

function quiet(state: State, phase: Phase): State {
  return { ...state, phase, dueAt: Infinity, openedAt: Infinity }
}

function attempt(given: State, now: number, { openTimeoutMs }: Rules): Step {
  const state = { ...given, isNeeded: true }
  return [{ ...quiet(state, 'opening'), dueAt: now + openTimeoutMs }, { kind: 'connect' }]
}

function end(given: State, error: ClientError | undefined, now: number, rules: Rules): Step {
  const isStable = now - given.openedAt >= rules.stableAfterMs
  const state = { ...quiet(given, 'idle'), ...(isStable && { failures: 0, hasRefreshed: false }) }
  if (error === undefined) return given.isNeeded ? attempt(state, now, rules) : [state]
  const isRefusal =
    (error.code === 'status' && error.status === 401) ||
    (error.code === 'refused-by-server' && error.reason === 'token-expired')
  // New headers are requested once; if they are refused as well, the caller must know.
  const wereRefused = isRefusal && !given.wereRefused && typeof rules.headers === 'function'
  return [
    { ...state, phase: 'failed', wereRefused },
    { kind: 'decide', error },
  ]
}

/** Errors that a retry cannot resolve, unless the status is temporary. */
const LASTING: readonly ClientErrorCode[] = [
  'status',
  'not-a-stream',
  'too-large',
  'invalid-event',
  'invalid-id',
]

function decide(
  state: State,
  { error, decision, chance }: Extract<Message, { kind: 'decided' }>,
  now: number,
  rules: Rules,
): Step {
  const { wereRefused, hasRefreshed, failures, retryMs } = state
  const isPassing =
    wereRefused ||
    decision === 'retry' ||
    !LASTING.includes(error.code) ||
    (error.code === 'status' && isTransient(error.status))
  const isGiven = typeof decision === 'number' && decision >= 0
  if (decision === 'stop' || !(isPassing || isGiven)) return [quiet(state, 'over'), { kind: 'fail', error }]
  // The connection was released while the caller decided.
  if (!state.isNeeded) return [quiet(state, 'idle')]
  let delayMs = 0
  let next = state
  if (isGiven) delayMs = Math.min(decision, MAX_RETRY_MS)
  else if (wereRefused && !hasRefreshed) next = { ...state, hasRefreshed: true }
  else {
    delayMs = delayAfter(failures, Math.max(retryMs, retryAfterMs(error, now)), rules, chance)
    next = { ...state, failures: failures + 1 }
  }
  return [
    { ...next, phase: 'waiting', dueAt: now + delayMs },
    { kind: 'announce', error, delayMs },
  ]
}
