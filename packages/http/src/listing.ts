import type { TopicQuery } from '@tailrace/log'
import { integer, refuseUnknown, single } from './query.ts'

/** The default number of topics or connections on a page. */
const DEFAULT_LISTING_LIMIT = 100
/** The maximum number of them. */
const MAX_LISTING_LIMIT = 1_000
const PARAMETERS: ReadonlySet<string> = new Set(['prefix', 'after', 'limit'])
const LIMIT_ONLY: ReadonlySet<string> = new Set(['limit'])

/** Parses the query of a request for a list of topics. @throws HttpError `invalid-query` */
export function parseTopicQuery(query: URLSearchParams): TopicQuery {
  refuseUnknown(query, PARAMETERS)
  return {
    prefix: single(query, 'prefix') ?? '',
    after: single(query, 'after') ?? '',
    limit: integer(query, 'limit', 1, MAX_LISTING_LIMIT) ?? DEFAULT_LISTING_LIMIT,
  }
}

/** Parses the number of connections that a request asks for. @throws HttpError `invalid-query` */
export function parseConnectionLimit(query: URLSearchParams): number {
  refuseUnknown(query, LIMIT_ONLY)
  return integer(query, 'limit', 1, MAX_LISTING_LIMIT) ?? DEFAULT_LISTING_LIMIT
}
