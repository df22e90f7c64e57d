import type { DecodedEvent } from '@tailrace/wire'
import { controlOf } from './items.ts'
import type { Page } from './page.ts'
import { orderOf } from './place.ts'

/** How long a page waits for an event, in seconds: shorter than the idle time of common proxies. */
const WAIT_S = 25

/** The state of a reader that reads pages instead of a stream. */
export interface PollState {
  /** Where the next page starts. */
  readonly from: string
  /** How long it waits for its first event, in seconds. */
  readonly waitS: number
  /** After a gap it starts over: everything up to here was received before. */
  readonly known: string
  /** All missed events have arrived. */
  readonly isLive: boolean
  /** The URL names a single topic. */
  readonly isOfOne: boolean
}

export function startPolling(from: string, isOfOne: boolean): PollState {
  return { from, waitS: 0, known: '', isLive: false, isOfOne }
}

/** Converts a page to the events that a stream would have sent. @returns the next state, and the events to pass on */
export function pollStep(state: PollState, page: Page): readonly [PollState, readonly DecodedEvent[]] {
  const { from, isLive, isOfOne } = state
  if (page.kind === 'gap') {
    const { reason, oldest } = page
    const gap = { ...controlOf('tailrace.gap', from), data: JSON.stringify({ reason, from, oldest }) }
    // A position in another log, or an unknown one, says nothing about the events received from this one.
    return [{ ...state, from: 'start', waitS: 0, known: reason === 'expired' ? from : '' }, [gap]]
  }
  const { events, next } = page
  const fresh = events
    .filter(({ id }) => (orderOf(id, state.known) ?? 1) > 0)
    .map(({ type = 'message', key, remove = false, time, data, id, topic }) => ({
      type,
      data: data.replace(/\r\n?/g, '\n'),
      lastEventId: id,
      topic: isOfOne ? undefined : topic,
      key,
      remove,
      time,
    }))
  // The other ends of topics are not part of a page: the next stream reports them.
  const isComplete = isOfOne && fresh.at(-1)?.type === 'tailrace.done'
  const end = isComplete ? [controlOf('tailrace.end', next)] : []
  if (events.length > 0) return [{ ...state, from: next }, [...fresh, ...end]]
  // Only an empty page is the last one, so requests wait only after it.
  const live = isLive ? [] : [controlOf('tailrace.live', next)]
  return [{ ...state, from: next, waitS: WAIT_S, isLive: true }, live]
}
