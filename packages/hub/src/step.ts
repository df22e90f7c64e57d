/** Where a subscriber's events come from while it is behind: the log, or first a snapshot of it. */
export type Source = 'snapshot' | 'log'

/** The state of a subscriber. */
export interface Progress {
  readonly source: Source
  /** Every matching event up to here has been handed to the sink. */
  readonly offset: number
  /** Its cursor could not be served, and the gap has not been reported yet. The first page shows from where it continues. */
  readonly owesGap: boolean
  /** `live` has been announced to it. */
  readonly isLive: boolean
}

/** The state of its lane that a subscriber sees. */
export interface View {
  /** The window holds every frame after this offset. */
  readonly start: number
  /** The offset of the window's newest frame. */
  readonly tip: number
  /** The offset of the last event of all selected topics, if all of them have ended. */
  readonly endsAt: number | undefined
}

export type Step =
  /** Behind the window: read the next page from the source. */
  | 'replay'
  /** Within the window: hand over the frames that follow. */
  | 'send'
  /** At the tip for the first time: announce it. */
  | 'announce'
  /** At the end of every topic: announce it, and close. */
  | 'end'
  /** At the tip: wait for the lane. */
  | 'wait'

/**
 * Decides what a subscriber does next. There is one way to be behind (invariant 3): for a first connect, a reconnect, a
 * slow reader and an overflow alike, the offset is before the window's start, and the subscriber catches up by `replay`
 * until its offset reaches it. Since the window holds every frame after its start, nothing is missed or repeated.
 */
export function nextStep({ source, offset, owesGap, isLive }: Progress, { start, tip, endsAt }: View): Step {
  if (owesGap || source === 'snapshot') return 'replay'
  if (offset < start) return 'replay'
  if (offset < tip) return 'send'
  if (!isLive) return 'announce'
  if (endsAt !== undefined && offset >= endsAt) return 'end'
  return 'wait'
}
