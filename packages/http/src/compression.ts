import type { ContentCoding } from '@tailrace/hub'

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
