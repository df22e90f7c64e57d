import type { ContentCoding } from '@tailrace/hub'
import Negotiator from 'negotiator'
import type { Exchange, HeaderFields } from './exchange.ts'

/** The longest `Accept-Encoding` that is read, in characters; those of browsers have 23. Negotiator's time grows with its square. */
const MAX_LENGTH = 1_024
const IDENTITY = 'identity'

/** The first of some codings that a client prefers to none. Without `Accept-Encoding`, it prefers none. */
export function codingFor<T extends { readonly name: string }>(
  acceptEncoding: string | undefined,
  codings: readonly T[],
): T | undefined {
  if (acceptEncoding === undefined || acceptEncoding.length > MAX_LENGTH) return undefined
  const names = [...codings.map(({ name }) => name), IDENTITY]
  const ranked = new Negotiator({ headers: { 'accept-encoding': acceptEncoding } }).encodings(names)
  const last = ranked.indexOf(IDENTITY)
  const preferred = last === -1 ? ranked : ranked.slice(0, last)
  return codings.find(({ name }) => preferred.includes(name))
}

/** The coding of a stream, and the headers of an answer that has it. */
export function streamCoding(
  exchange: Exchange,
  headers: HeaderFields,
): { readonly coding: ContentCoding | undefined; readonly headers: HeaderFields } {
  const { compression } = exchange
  if (compression === undefined) return { coding: undefined, headers }
  exchange.appendHeader('Vary', 'Accept-Encoding')
  const coding = codingFor(exchange.header('accept-encoding'), compression.streams)
  return { coding, headers: withCoding(headers, coding) }
}

export function withCoding(
  headers: HeaderFields,
  coding: { readonly name: string } | undefined,
): HeaderFields {
  return coding === undefined ? headers : { ...headers, 'Content-Encoding': coding.name }
}
