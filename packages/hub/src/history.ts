import type { Page, StoredEvent } from '@tailrace/log'
import { clientOf } from './connection.ts'
import type { Reader } from './connection.ts'
import type { Gap, GapReason } from './gap.ts'
import { locate } from './locate.ts'
import type { Start } from './locate.ts'
import type { LogView } from './log-view.ts'

/** Default number of events on a page of history. */
export const DEFAULT_HISTORY_LIMIT = 100
/** Maximum number of events on a page. */
export const MAX_HISTORY_LIMIT = 1_000
/** A page ends with the event that reaches this many bytes of data. */
const MAX_HISTORY_BYTES: number = 1024 * 1024
/** The longest wait for an event: shorter than the 60 s after which common proxies give up. */
export const MAX_WAIT_SECONDS = 55

/** A reader's request for history. */
export interface HistoryQuery {
  readonly selectors: readonly string[]
  /** @defaultValue the oldest event that is retained */
  readonly start?: Start | undefined
  /** 1 to {@link MAX_HISTORY_LIMIT}. @defaultValue {@link DEFAULT_HISTORY_LIMIT} */
  readonly limit?: number | undefined
  /** How long to wait for the first event, from 0 to {@link MAX_WAIT_SECONDS} seconds. @defaultValue 0 */
  readonly waitSeconds?: number | undefined
  /** The reader. Readers take turns. */
  readonly reader?: Reader | undefined
  /** Called before each read of the log. Throws if there is no room for a page; then nothing is read. */
  requireRoom?(): void
}

/** A page of history, and the offset after which the next page begins. */
export interface HistoryPage {
  /** The epoch of the log that the offsets belong to. */
  readonly epoch: string
  readonly events: readonly StoredEvent[]
  readonly next: number
}

/** A page of history, or the gap because of which it cannot be read. */
export type History = HistoryPage | { readonly gap: Gap }

/**
 * Resolves when an event after an offset arrives that the selectors match, when the time is over, or when the signal is
 * aborted.
 */
export type Wait = (
  selectors: readonly string[],
  after: number,
  milliseconds: number,
  signal: AbortSignal,
) => Promise<void>

/** Reads one page of history. Can wait for a first event if the page would be empty. */
export async function readHistory(
  log: LogView,
  {
    selectors,
    start = { at: 'oldest' },
    limit = DEFAULT_HISTORY_LIMIT,
    waitSeconds = 0,
    reader,
    requireRoom,
  }: HistoryQuery,
  wait: Wait,
  signal: AbortSignal,
): Promise<History> {
  const { epoch } = log
  const asker = {
    client: clientOf(reader),
    get isGone() {
      return signal.aborted
    },
    ...(requireRoom && { requireRoom }),
  }
  const { offset, miss } = await locate(log, start, asker)
  const query = { selectors, after: offset, limit, maxBytes: MAX_HISTORY_BYTES }
  function gapOf(reason: GapReason, page: Page): History {
    const from = start.at === 'cursor' ? start.text : { epoch, offset }
    return { gap: { reason, from, oldest: { epoch, offset: page.events[0]?.offset ?? page.next } } }
  }

  // Listening begins before the read, so that no event between the two is missed.
  const stopWaiting = new AbortController()
  const arrival =
    waitSeconds > 0
      ? wait(selectors, offset, waitSeconds * 1000, AbortSignal.any([signal, stopWaiting.signal]))
      : undefined
  try {
    const page = await log.read(query, asker)
    const isLost = start.at !== 'oldest' && page.lostThrough > offset
    const reason = miss ?? (isLost ? 'expired' : undefined)
    if (reason !== undefined) return gapOf(reason, page)
    if (page.events.length > 0 || arrival === undefined)
      return { epoch, events: page.events, next: page.next }
    await arrival
    const rest = await log.read({ ...query, after: page.next }, asker)
    if (start.at !== 'oldest' && rest.lostThrough > page.next) return gapOf('expired', rest)
    return { epoch, events: rest.events, next: rest.next }
  } finally {
    stopWaiting.abort()
  }
}
