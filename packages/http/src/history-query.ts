import { MAX_HISTORY_LIMIT, MAX_WAIT_SECONDS, parseStart } from '@tailrace/hub'
import type { HistoryQuery } from '@tailrace/hub'
import { flag, integer, refuseUnknown, single } from './query.ts'
import { parseSelectors } from './subscription.ts'
import type { SubscriptionSource } from './subscription.ts'

/** The parameters of a request for history. */
export const HISTORY_PARAMETERS: ReadonlySet<string> = new Set(['topic', 'from', 'limit', 'wait', 'trace'])

/** Parses the query of a request for history. @throws as `parseSubscription` */
export function parseHistoryQuery({
  selectors,
  query,
}: SubscriptionSource): HistoryQuery & { readonly trace: boolean } {
  refuseUnknown(query, HISTORY_PARAMETERS)
  const from = single(query, 'from')
  return {
    selectors: parseSelectors(selectors, query),
    start: from === undefined ? undefined : parseStart(from),
    limit: integer(query, 'limit', 1, MAX_HISTORY_LIMIT),
    waitSeconds: integer(query, 'wait', 0, MAX_WAIT_SECONDS),
    trace: flag(query, 'trace'),
  }
}
