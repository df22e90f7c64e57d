import type { ContentCoding } from '@tailrace/hub'
import Negotiator from 'negotiator'
import type { Exchange, HeaderFields } from './exchange.ts'

/** Compresses a page of JSON. */
export interface PageCoding {
  /** Its name in `Content-Encoding`. */
  readonly name: string
  /** The most memory that it uses until the page is complete, in bytes. */
  readonly bytes: number
  /** Compresses text as fast as the result is read. It must be read to its end, or returned. */
  encode(slices: Iterator<string>): Required<AsyncIterator<Uint8Array, unknown>>
}

/** Compresses answers for clients that accept it. Create it once for each hub: streams share what they have in common. */
export interface Compression {
  /** Codings for streams, best first. */
  readonly streams: readonly ContentCoding[]
  /** Codings for pages of JSON, best first. None while too many pages are being compressed: more are sent as they are. */
  pages(): readonly PageCoding[]
}

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

export function withCoding(headers: HeaderFields, coding: { readonly name: string } | undefined): HeaderFields {
  return coding === undefined ? headers : { ...headers, 'Content-Encoding': coding.name }
}
