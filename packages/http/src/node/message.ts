import type { IncomingMessage } from 'node:http'

/**
 * What keeps a request from being understood in one way by everybody who handles it (RFC 9112, section 11.2);
 * nothing when it is fine.
 */
export function flawOf({ headers, rawHeaders, httpVersion }: IncomingMessage): string | undefined {
  if (headers.host === undefined && httpVersion !== '1.0') return 'HTTP/1.1 requires a Host header.'
  // Of several, Node keeps the first and says nothing.
  if (countOf(rawHeaders, 'host') > 1) return 'Host must not be given more than once.'
  const coding = headers['transfer-encoding']
  // Node reads what another coding has made of the body as the body.
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') return 'Transfer-Encoding must be chunked.'
  return undefined
}

/** Whether Node's parser takes what follows the request for another protocol. */
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
