import { formatCursor, MAX_CURSOR_LENGTH } from '@tailrace/log'
import type { Page } from '@tailrace/log'
import { clientOf } from './connection.ts'
import type { Reader } from './connection.ts'
import { oldestOf } from './control.ts'
import type { Gap } from './control.ts'
import { toEnvelope } from './frame.ts'
import type { Envelope } from './frame.ts'
import { locate } from './locate.ts'
import type { LogView } from './log-view.ts'
import { flag, integer, refuseUnknown, single } from './query.ts'
import { parseSelectors } from './subscription.ts'
import type { SubscriptionSource } from './subscription.ts'

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
  /** `start`, `now` or a cursor. @defaultValue `start` */
  readonly from?: string | undefined
  /** 1 to {@link MAX_HISTORY_LIMIT}. @defaultValue {@link DEFAULT_HISTORY_LIMIT} */
  readonly limit?: number | undefined
  /** Wait this long for a first event when there is none, 0 to {@link MAX_WAIT_SECONDS} seconds. @defaultValue 0 */
  readonly waitSeconds?: number | undefined
  /** Each event has the trace context of its publish, where there is one. @defaultValue false */
  readonly trace?: boolean | undefined
  /** Who reads: readers take turns. */
  readonly reader?: Reader | undefined
  /** Asked before each read of the log. Throws when there is no room for a page: then nothing is read. */
  requireRoom?(): void
}

/** An event of history, with the cursor of the place after it. */
export interface HistoryEvent extends Envelope {
  readonly id: string
}

/** A page of history: events as JSON, and the cursor of the page that follows. Or why there is none. */
export type History =
  | { readonly events: readonly HistoryEvent[]; readonly next: string }
  | { readonly gap: Gap }

const PARAMETERS: ReadonlySet<string> = new Set(['topic', 'from', 'limit', 'wait', 'trace'])

/** Reads what a request for history asks for. @throws as `parseSubscription` */
export function parseHistoryQuery({ selectors, query }: SubscriptionSource): HistoryQuery {
  refuseUnknown(query, PARAMETERS)
  return {
    selectors: parseSelectors(selectors, query),
    // As in `parseSubscription`.
    from: single(query, 'from')?.slice(0, MAX_CURSOR_LENGTH),
    limit: integer(query, 'limit', 1, MAX_HISTORY_LIMIT),
    waitSeconds: integer(query, 'wait', 0, MAX_WAIT_SECONDS),
    trace: flag(query, 'trace'),
  }
}

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
    from = 'start',
    limit = DEFAULT_HISTORY_LIMIT,
    waitSeconds = 0,
    trace = false,
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
  const start = await locate(log, from, asker)
  const query = { selectors, after: start.offset, limit, maxBytes: MAX_HISTORY_BYTES }
  // Listening begins before the read, so that no event slips between the two.
  const stopWaiting = new AbortController()
  const arrival =
    waitSeconds > 0
      ? wait(selectors, start.offset, waitSeconds * 1000, AbortSignal.any([signal, stopWaiting.signal]))
      : undefined
  try {
    const page = await log.read(query, asker)
    const reason = start.miss ?? (from !== 'start' && page.lostThrough > start.offset ? 'expired' : undefined)
    if (reason !== undefined) return { gap: { reason, from, oldest: oldestOf(page, epoch) } }
    if (page.events.length > 0 || arrival === undefined) return toHistory(page, epoch, trace)
    await arrival
    const rest = await log.read({ ...query, after: page.next }, asker)
    if (from !== 'start' && rest.lostThrough > page.next) {
      return { gap: { reason: 'expired', from, oldest: oldestOf(rest, epoch) } }
    }
    return toHistory(rest, epoch, trace)
  } finally {
    stopWaiting.abort()
  }
}

function toHistory(page: Page, epoch: string, traces: boolean): History {
  const events = page.events.map((event) => ({
    id: formatCursor(epoch, event.offset),
    ...toEnvelope(event, traces),
  }))
  return { events, next: formatCursor(epoch, page.next) }
}
