import type { IncomingMessage } from 'node:http'

/** Why different recipients could interpret a request differently (RFC 9112, section 11.2). Undefined if they cannot. */
export function flawOf({ headers, rawHeaders, httpVersion }: IncomingMessage): string | undefined {
  if (headers.host === undefined && httpVersion !== '1.0') return 'HTTP/1.1 requires a Host header.'
  // If there are several, Node silently keeps the first.
  if (countOf(rawHeaders, 'host') > 1) return 'Host must not be given more than once.'
  const coding = headers['transfer-encoding']
  // Node does not decode other codings, and would deliver the encoded body as the body.
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') return 'Transfer-Encoding must be chunked.'
  return undefined
}

/** Whether Node's parser treats the bytes after the request as another protocol. */
export function mayUpgrade({ headers }: IncomingMessage): boolean {
  return headers.upgrade !== undefined || headers.connection?.toLowerCase().includes('upgrade') === true
}

function countOf(rawHeaders: readonly string[], name: string): number {
  let count = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const given = rawHeaders[i]!
    if (given.length === name.length && given.toLowerCase() === name) count += 1
  }
  return count
}
