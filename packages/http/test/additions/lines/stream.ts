import { parseStart, topicOf } from '@tailrace/http'
import type { HeaderFields, StreamRequest } from '@tailrace/http'
import type { Subscription } from '@tailrace/hub'
import { LINES } from './dialect.ts'

/** `GET /lines/<topic>?after=<id>`: the events of a topic, from the first or after one, a JSON object a line. */
export const lines = {
  headers: { 'Content-Type': 'application/x-ndjson', 'Cache-Control': 'no-store' } satisfies HeaderFields,
  read({ query, rest = '' }: StreamRequest): Subscription {
    return { selectors: [topicOf(rest)], dialect: LINES, start: parseStart(query.get('after') ?? 'start') }
  },
}
