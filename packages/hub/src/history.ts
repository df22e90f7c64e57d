import type { Page, StoredEvent } from '@tailrace/log'
import { clientOf } from './connection.ts'
import type { Reader } from './connection.ts'
import type { Gap, GapReason } from './gap.ts'
import { locate } from './locate.ts'
import type { Start } from './locate.ts'
import type { LogView } from './log-view.ts'

/** Events of a page of history when the reader does not say. */
export const DEFAULT_HISTORY_LIMIT = 100
/** The most events of a page. */
export const MAX_HISTORY_LIMIT = 1_000
/** A page ends with the event that reaches this many bytes of data. */
const MAX_HISTORY_BYTES: number = 1024 * 1024
/** The longest wait for an event: under the 60 s at which common proxies give up. */
export const MAX_WAIT_SECONDS = 55

/** What a reader asks of history. */
export interface HistoryQuery {
  readonly selectors: readonly string[]
  /** @defaultValue the oldest event that is retained */
  readonly start?: Start | undefined
  /** 1 to {@link MAX_HISTORY_LIMIT}. @defaultValue {@link DEFAULT_HISTORY_LIMIT} */
  readonly limit?: number | undefined
  /** Wait this long for a first event when there is none, 0 to {@link MAX_WAIT_SECONDS} seconds. @defaultValue 0 */
  readonly waitSeconds?: number | undefined
  /** Who reads: readers take turns. */
  readonly reader?: Reader | undefined
  /** Asked before each read of the log. Throws when there is no room for a page: then nothing is read. */
  requireRoom?(): void
}

/** A page of history, and the offset after which the next page begins. */
export interface HistoryPage {
  /** The life of the log that the offsets belong to. */
  readonly epoch: string
  readonly events: readonly StoredEvent[]
  readonly next: number
}

/** A page, or why there is none. */
export type History = HistoryPage | { readonly gap: Gap }

/** Resolves when an event after an offset comes that the selectors select, or when the time is over or the signal aborts. */
export type Wait = (
  selectors: readonly string[],
  after: number,
  milliseconds: number,
  signal: AbortSignal,
) => Promise<void>

/** Reads one page of history. A page that would be empty may wait for its first event. */
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

  // Listening begins before the read, so that no event slips between the two.
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
