import type { ServerResponse } from 'node:http'

/**
 * Lets a client send its body that waits to be asked (RFC 9110, section 10.1.1): only once it is going to be read, since
 * one that is refused by its head need not be sent.
 */
export function sendContinue(response: ServerResponse): void {
  if (response.req.headers.expect?.toLowerCase() === '100-continue') response.writeContinue()
}
