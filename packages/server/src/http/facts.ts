import type { IncomingMessage } from 'node:http'
import { HttpError } from '@tailrace/http'
import type { Facts } from './gate.ts'

/** What a request of `node:http` says of itself. */
export function factsOf({ method = '', headers }: IncomingMessage, ticket: string | undefined): Facts {
  const authority = headers[':authority']
  // RFC 9113, section 8.3.1: one must not say something else than the other.
  if (authority !== undefined && headers.host !== undefined && headers.host !== authority)
    throw new HttpError('malformed-request', 'Host and :authority differ.')
  return {
    method,
    header: (name) => (headers[name] ?? (name === 'host' ? authority : undefined))?.toString(),
    ticket,
  }
}
