import { parseStart } from '@tailrace/hub'
import type { GapPolicy, Subscription } from '@tailrace/hub'
import { isPattern, parseSelector } from '@tailrace/log'
import { tailraceDialect } from './dialect.ts'
import { HttpError } from './errors.ts'
import { flag, invalid, milliseconds, oneOf, refuseUnknown, single } from './query.ts'

/** Maximum number of selectors of one stream. */
export const MAX_SELECTORS = 100

/** The shortest interval between two events of a key that a reader can ask for, in milliseconds. */
const MIN_CONFLATE_MS = 10
const MAX_CONFLATE_MS = 60_000

const GAP_POLICIES: readonly GapPolicy[] = ['replay', 'live', 'snapshot', 'close']

/** The parts of a request that define its subscription. */
export interface SubscriptionSource {
  /** The topic or selectors that the path names. If omitted, `?topic=` names them. */
  readonly selectors?: readonly string[] | undefined
  readonly query: URLSearchParams
  /**
   * The `Last-Event-ID` header. It takes precedence over the query, which an `EventSource` repeats unchanged when it
   * reconnects.
   */
  readonly lastEventId?: string | undefined
}

/** The parameters of a request for a stream. */
export const STREAM_PARAMETERS: ReadonlySet<string> = new Set([
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
 * Parses the subscription of a request for a stream.
 *
 * @throws HttpError `invalid-query` or `too-many-selectors`, LogError `invalid-selector`
 */
export function parseSubscription({ selectors, query, lastEventId }: SubscriptionSource): Subscription {
  refuseUnknown(query, STREAM_PARAMETERS)
  const snapshot = flag(query, 'snapshot')
  const inQuery = [single(query, 'lastEventId'), single(query, 'from')]
  const from = [lastEventId, ...inQuery].find((place) => place !== undefined && place !== '')
  if (snapshot && from === 'start') {
    throw invalid('from', 'A snapshot cannot be combined with from=start: request one or the other.')
  }
  const selected = parseSelectors(selectors, query)
  return {
    selectors: selected,
    dialect: tailraceDialect({
      envelope: oneOf(query, 'envelope', ['json']) === 'json',
      namesTopic: selected.length > 1 || selected.some(isPattern),
      traces: flag(query, 'trace'),
      times: flag(query, 'time'),
    }),
    start: from === undefined ? undefined : parseStart(from),
    snapshot,
    gap: oneOf(query, 'gap', GAP_POLICIES),
    conflateMs: milliseconds(query, 'conflate', MIN_CONFLATE_MS, MAX_CONFLATE_MS),
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

/** Checks the selectors of one stream. Duplicates are removed. @throws as `parseSubscription` */
export function parseSelectorList(selectors: readonly string[]): string[] {
  if (selectors.length > MAX_SELECTORS) {
    throw new HttpError(
      'too-many-selectors',
      `A stream can have at most ${MAX_SELECTORS} topics: use a pattern.`,
      {
        details: { selectors: selectors.length, max: MAX_SELECTORS },
      },
    )
  }
  return [...new Set(selectors.map(parseSelector))]
}
