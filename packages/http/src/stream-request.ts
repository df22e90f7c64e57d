import type { Subscription } from '@tailrace/hub'
import { STREAM, wanted } from './accept.ts'
import type { StreamRequest } from './call.ts'
import { header } from './header.ts'
import { parseSubscription } from './subscription.ts'
import { topicOf } from './target.ts'

/** The subscription that a `GET` of `/topics/<topic>` or `/events` asks for. Undefined if it does not ask for a stream. */
export function readStreamRequest({ head, query, rest }: StreamRequest): Subscription | undefined {
  if (wanted(head.header('accept')) !== STREAM) return undefined
  const lastEventId = header(head, 'Last-Event-ID')
  return parseSubscription({ selectors: selectorsOf(rest), query, lastEventId })
}

/** The selectors that a path names. Undefined if the query names them. */
export function selectorsOf(rest: string | undefined): readonly string[] | undefined {
  return rest === undefined ? undefined : [topicOf(rest)]
}
