import type { DecodedEvent } from '@tailrace/wire'
import { controlOf } from './items.ts'
import type { Page } from './page.ts'
import { orderOf } from './place.ts'

/** How long a page waits for an event, in seconds: shorter than the idle time of common proxies. */
const WAIT_S = 25

/** What whoever reads pages instead of a stream remembers. */
export interface PollState {
  /** Where the next page begins. */
  readonly from: string
  /** How long it waits for its first event, in seconds. */
  readonly waitS: number
  /** After a gap it starts over: what is up to here was had before. */
  readonly known: string
  /** Everything that was missed has come. */
  readonly isLive: boolean
  /** Pages are of one topic, which the URL names. */
  readonly isOfOne: boolean
}

export function startPolling(from: string, isOfOne: boolean): PollState {
  return { from, waitS: 0, known: '', isLive: false, isOfOne }
}

/** What a page brings, as a stream would have brought it. @returns the next state, and events to hand on */
export function pollStep(state: PollState, page: Page): readonly [PollState, readonly DecodedEvent[]] {
  const { from, isLive, isOfOne } = state
  if (page.kind === 'gap') {
    const { reason, oldest } = page
    const gap = { ...controlOf('tailrace.gap', from), data: JSON.stringify({ reason, from, oldest }) }
    // Of another log, or of none, the place says nothing about what was had of this one.
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
  if (events.length > 0) return [{ ...state, from: next }, fresh]
  // Only an empty page is the last one, so only from there on it waits.
  const live = isLive ? [] : [controlOf('tailrace.live', next)]
  return [{ ...state, from: next, waitS: WAIT_S, isLive: true }, live]
}
