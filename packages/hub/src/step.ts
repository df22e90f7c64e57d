/** Where a subscriber's events come from while it is behind: the log, or first a snapshot of it. */
export type Source = 'snapshot' | 'log'

/** What a subscriber knows of itself. */
export interface Progress {
  readonly source: Source
  /** Every matching event up to here has been handed to the sink. */
  readonly offset: number
  /** Its cursor was of no use, and it has not been told yet: the first page says from where it goes on. */
  readonly owesGap: boolean
  /** It has been told that what follows is live. */
  readonly isLive: boolean
}

/** What a subscriber sees of its lane. */
export interface View {
  /** The window holds every frame after this offset. */
  readonly start: number
  /** The offset of the window's newest frame. */
  readonly tip: number
  /** The offset of the last event of all selected topics, when every one of them has ended. */
  readonly endsAt: number | undefined
}

export type Step =
  /** Behind the window: read the next page from the source. */
  | 'replay'
  /** Within the window: hand over the frames that follow. */
  | 'send'
  /** At the tip for the first time: say so. */
  | 'announce'
  /** At the end of every topic: say so, and close. */
  | 'end'
  /** At the tip: wait for the lane. */
  | 'wait'

/**
 * What a subscriber does next. There is one way to be behind (invariant 3): first connect, reconnect, slow
 * reader and overflow all are an offset before the window's start, and all catch up by `replay` until their
 * offset reaches it. Since the window holds every frame after its start, nothing is missed or repeated.
 */
export function nextStep({ source, offset, owesGap, isLive }: Progress, { start, tip, endsAt }: View): Step {
  if (owesGap || source === 'snapshot') return 'replay'
  if (offset < start) return 'replay'
  if (offset < tip) return 'send'
  if (!isLive) return 'announce'
  if (endsAt !== undefined && offset >= endsAt) return 'end'
  return 'wait'
}
