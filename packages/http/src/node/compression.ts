import zlib from 'node:zlib'
import type { Compression } from '../compression.ts'
import { pageCodings } from './compress-page.ts'
import { gzipStreams } from './gzip/gzip.ts'

/**
 * Compresses streams (gzip) and pages of JSON (zstd, br, gzip) for clients that accept it. Streams of the same topics share
 * their compressed bytes.
 *
 * An attacker that can publish to a stream with the secrets of others, and sees how long its encrypted bytes are, can guess
 * the secrets (BREACH). Do not compress such streams.
 *
 * @throws Error with Node before 20.15, which lacks what is needed
 */
export function createCompression(): Compression {
  if (typeof zlib.crc32 !== 'function') throw new Error('Compression needs Node 20.15 or later.')
  return { streams: [gzipStreams()], pages: pageCodings() }
}
