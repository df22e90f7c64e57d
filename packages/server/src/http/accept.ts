import type { IncomingHttpHeaders } from 'node:http'
import Negotiator from 'negotiator'

export const STREAM = 'text/event-stream'
export const JSON_TYPE = 'application/json'

/** What a reader wants: the stream, if it takes anything or says nothing. */
export function wanted(accept: string | undefined): typeof STREAM | typeof JSON_TYPE | undefined {
  const headers: IncomingHttpHeaders = accept === undefined ? {} : { accept }
  const type = new Negotiator({ headers }).mediaType([STREAM, JSON_TYPE])
  return type === STREAM || type === JSON_TYPE ? type : undefined
}
