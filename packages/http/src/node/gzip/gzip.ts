import type { ContentCoding } from '@tailrace/hub'
import { Effort } from './effort.ts'
import { SharedGzip } from './shared-gzip.ts'

/** Compresses streams with gzip (RFC 1952), each payload once for all of its readers. */
export function gzipStreams(): ContentCoding {
  const effort = new Effort()
  return { name: 'gzip', open: (onHeld) => new SharedGzip(effort, onHeld) }
}
