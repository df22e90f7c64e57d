import { formatCursor, isPassing, isPattern, parseSelector } from '@tailrace/log'
import type { LogDescription, StoredEvent } from '@tailrace/log'
import { clientOf } from './connection.ts'
import { HubError } from './errors.ts'
import type { Follower } from './follower.ts'
import type { Following } from './following.ts'
import type { Gap } from './gap.ts'
import { MAX_WAIT_SECONDS, readHistory } from './history.ts'
import type { HistoryPage } from './history.ts'
import { cursorStart, parseStart } from './locate.ts'
import type { Start } from './locate.ts'
import type { LogReads } from './log-reads.ts'
import type { Outage } from './outage.ts'
import { persistently } from './persistently.ts'

/** Which events to follow. */
export interface FollowOptions {
  /**
   * `start`: everything that is retained. `now`: what is published after the call. The id of an event: everything after
   * it.
   *
   * @defaultValue `now`
   */
  readonly from?: string | undefined
  /**
   * `now`: ends after everything that was published, on any node, before the first event was asked for.
   *
   * @defaultValue waits for more
   */
  readonly to?: 'now' | undefined
  /** Ends the events when it is aborted. */
  readonly signal?: AbortSignal | undefined
}

/** An event that is followed within the process. */
export interface FollowedEvent extends Omit<StoredEvent, 'offset'> {
  /** Its cursor: what follows it is `from` this. */
  readonly id: string
}

/** The parts of a hub that events come from. */
interface FollowSource {
  readonly reads: LogReads
  readonly follower: Follower
  readonly outage: Outage
}

/** The events of topics, in order. See `Hub.follow`. */
export function followEvents(
  source: FollowSource,
  selectors: readonly string[],
  { from = 'now', to, signal }: FollowOptions = {},
): AsyncIterable<FollowedEvent> {
  if (selectors.length === 0) throw new RangeError('`selectors` must name at least one topic')
  for (const selector of selectors) parseSelector(selector)
  // At once: what is published from now on follows, even if nobody asks for it yet.
  const start = placed(parseStart(from), source.follower.current)
  return {
    [Symbol.asyncIterator]() {
      const leaving = new AbortController()
      const until = signal === undefined ? leaving.signal : AbortSignal.any([signal, leaving.signal])
      const events = read(source, selectors, start, to === 'now', until)
      return {
        next: () => events.next(),
        // A generator on its own would notice only at its next event.
        return() {
          leaving.abort()
          return events.return(undefined)
        },
      }
    },
  }
}

async function* read(
  { reads, follower, outage }: FollowSource,
  selectors: readonly string[],
  from: Start,
  isFinite: boolean,
  signal: AbortSignal,
): AsyncGenerator<FollowedEvent, undefined> {
  const asker = {
    client: clientOf(undefined),
    get isGone() {
      return signal.aborted
    },
  }
  let start = from
  let last: LogDescription | undefined
  let isFirst = true

  async function nextPage(): Promise<HistoryPage & { isLast: boolean }> {
    const following = follower.require()
    const { view, waiters } = following
    start = placed(start, following)
    if (isFinite && last?.epoch !== view.epoch) last = await view.describe(asker)
    // The first page shows whether everything is over already.
    const waitSeconds = isFirst || isFinite ? 0 : MAX_WAIT_SECONDS
    const page = await readHistory(view, { selectors, start, waitSeconds }, waiters.wait, signal)
    if ('gap' in page) throw cursorGone(page.gap)
    const mayBeOver = isFirst || page.events.some(({ end }) => end)
    const isOver = mayBeOver && (await hasEndedBy(page.next)) && follower.require() === following
    return { ...page, isLast: isOver || (last !== undefined && page.next >= last.newest) }
  }

  async function hasEndedBy(offset: number): Promise<boolean> {
    if (selectors.some(isPattern)) return false
    const ends = await reads.ended(selectors, asker)
    return ends.length > 0 && ends.every((end) => end !== undefined && end <= offset)
  }

  function mayPass(error: unknown): boolean {
    // Nobody waits for it any more.
    if (signal.aborted) return true
    if (HubError.is(error)) return error.code === 'busy'
    return isPassing(error) || outage.reason !== undefined
  }

  while (!signal.aborted) {
    const page = await persistently(nextPage, mayPass, signal)
    if (page === undefined) return
    const { epoch, events, next, isLast } = page
    for (const { offset, ...event } of events) {
      if (last !== undefined && offset > last.newest) return
      yield { id: formatCursor(epoch, offset), ...event }
      if (signal.aborted) return
    }
    if (isLast) return
    start = cursorStart({ epoch, offset: next })
    isFirst = false
  }
}

/** The place at which new events begin, if that is what is asked for. */
function placed(start: Start, following: Following | undefined): Start {
  if (start.at !== 'tip' || following === undefined) return start
  const { epoch, now } = following.view
  return cursorStart({ epoch, offset: now })
}

function cursorGone({ reason, from, oldest }: Gap): HubError {
  const [place, first] = [from, oldest].map((one) =>
    typeof one === 'string' ? one : formatCursor(one.epoch, one.offset),
  )
  const message = `The log no longer has everything after ${place} (${reason}): follow from \`start\`.`
  return new HubError('cursor-gone', message, { details: { reason, from: place!, oldest: first! } })
}
