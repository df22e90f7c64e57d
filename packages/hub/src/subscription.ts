import { MAX_CURSOR_LENGTH, parseSelector } from '@tailrace/log'
import type { Reader } from './connection.ts'
import { HubError } from './errors.ts'
import { flag, invalid, milliseconds, oneOf, refuseUnknown, single } from './query.ts'

/** The most selectors on one stream. */
export const MAX_SELECTORS = 100

/** How often a reader can ask to be told of a key, in milliseconds. */
const MIN_CONFLATE_MS = 10
const MAX_CONFLATE_MS = 60_000

/** What follows a gap: everything retained, only what is new, a snapshot, or nothing. */
export type GapPolicy = 'replay' | 'live' | 'snapshot' | 'close'
const GAP_POLICIES: readonly GapPolicy[] = ['replay', 'live', 'snapshot', 'close']

/** What a reader asks for. */
export interface Subscription {
  /** Selectors, 1 to {@link MAX_SELECTORS}. */
  readonly selectors: readonly string[]
  /** `start` is everything retained, `now` only what is new; anything else is a cursor. @defaultValue `now` */
  readonly from?: string | undefined
  /** Send the newest event of each key first. A reader with a cursor resumes instead. @defaultValue false */
  readonly snapshot?: boolean | undefined
  /** `json` puts topic, type, key and time into `data:`, for readers that need them natively. */
  readonly envelope?: 'json' | undefined
  /** @defaultValue `replay` */
  readonly gap?: GapPolicy | undefined
  /**
   * At most once in this many milliseconds, the newest event of each key that changed; events without a key
   * are all sent. A replay leaves out what a newer event of the same page replaces. 0 sends everything.
   *
   * @defaultValue 0
   */
  readonly conflateMs?: number | undefined
  /** Each frame has the trace context of its publish, where there is one. @defaultValue false */
  readonly trace?: boolean | undefined
  /** Each frame has the time when its event was stored. @defaultValue false */
  readonly time?: boolean | undefined
  /** When the reader's rights end, by the wall clock, in milliseconds; the stream ends with them (invariant 6). */
  readonly until?: number | undefined
  /** Who it is for, for whoever looks at `Hub.survey`. */
  readonly reader?: Reader | undefined
}

/** Where a request's subscription is written. */
export interface SubscriptionSource {
  /** The topic or selectors that the path names; with none, `?topic=` does. */
  readonly selectors?: readonly string[] | undefined
  readonly query: URLSearchParams
  /** The `Last-Event-ID` header. It wins over the query, which is what it was when the stream was first opened. */
  readonly lastEventId?: string | undefined
}

const PARAMETERS: ReadonlySet<string> = new Set([
  'topic',
  'lastEventId',
  'from',
  'snapshot',
  'envelope',
  'gap',
  'conflate',
  'trace',
  'time',
])

/**
 * Reads what a request for a stream asks for.
 *
 * @throws HubError `invalid-query` or `too-many-selectors`, LogError `invalid-selector`
 */
export function parseSubscription({ selectors, query, lastEventId }: SubscriptionSource): Subscription {
  refuseUnknown(query, PARAMETERS)
  const snapshot = flag(query, 'snapshot')
  const inQuery = [single(query, 'lastEventId'), single(query, 'from')]
  const from = [lastEventId, ...inQuery].find((place) => place !== undefined && place !== '')
  if (snapshot && from === 'start') {
    throw invalid('from', 'A snapshot cannot be combined with from=start: request one or the other.')
  }
  return {
    selectors: parseSelectors(selectors, query),
    // A gap repeats it. No cursor is longer, so a longer text cannot become one by losing its end.
    from: from?.slice(0, MAX_CURSOR_LENGTH),
    snapshot,
    envelope: oneOf(query, 'envelope', ['json']),
    gap: oneOf(query, 'gap', GAP_POLICIES),
    conflateMs: milliseconds(query, 'conflate', MIN_CONFLATE_MS, MAX_CONFLATE_MS),
    trace: flag(query, 'trace'),
    time: flag(query, 'time'),
  }
}

/** The selectors of a path, or of a query's `topic` parameters. */
export function parseSelectors(fromPath: readonly string[] | undefined, query: URLSearchParams): string[] {
  if (fromPath !== undefined && query.has('topic')) {
    throw invalid(
      'topic',
      'The path already names the topic: to select several, use /events?topic=…&topic=….',
    )
  }
  const selectors = fromPath ?? query.getAll('topic')
  if (selectors.length === 0)
    throw invalid('topic', 'Name at least one topic: ?topic=orders/42&topic=prices/*.')
  return parseSelectorList(selectors)
}

/** Checks selectors that are to be on one stream; each is returned once. @throws as `parseSubscription` */
export function parseSelectorList(selectors: readonly string[]): string[] {
  if (selectors.length > MAX_SELECTORS) {
    throw new HubError(
      'too-many-selectors',
      `A stream can have at most ${MAX_SELECTORS} topics: use a pattern.`,
      {
        details: { selectors: selectors.length, max: MAX_SELECTORS },
      },
    )
  }
  return [...new Set(selectors.map(parseSelector))]
}
