import type { TopicQuery } from '@tailrace/log'
import { integer, refuseUnknown, single } from './query.ts'

/** Topics or connections of a page when the reader does not say. */
const DEFAULT_LISTING_LIMIT = 100
/** The most of them. */
const MAX_LISTING_LIMIT = 1_000
const PARAMETERS: ReadonlySet<string> = new Set(['prefix', 'after', 'limit'])
const LIMIT_ONLY: ReadonlySet<string> = new Set(['limit'])

/** Reads what a request for a list of topics asks for. @throws HttpError `invalid-query` */
export function parseTopicQuery(query: URLSearchParams): TopicQuery {
  refuseUnknown(query, PARAMETERS)
  return {
    prefix: single(query, 'prefix') ?? '',
    after: single(query, 'after') ?? '',
    limit: integer(query, 'limit', 1, MAX_LISTING_LIMIT) ?? DEFAULT_LISTING_LIMIT,
  }
}

/** Reads how many connections a request asks for. @throws HttpError `invalid-query` */
export function parseConnectionLimit(query: URLSearchParams): number {
  refuseUnknown(query, LIMIT_ONLY)
  return integer(query, 'limit', 1, MAX_LISTING_LIMIT) ?? DEFAULT_LISTING_LIMIT
}
