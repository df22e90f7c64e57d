import type { ServerResponse } from 'node:http'

/** Answers whose client waits for `100 Continue` before it sends its body (RFC 9110, section 10.1.1). */
const waiting = new WeakSet<ServerResponse>()

/** Has the client wait until its body is going to be read: it need not send one that is refused by its head. */
export function holdContinue(response: ServerResponse): void {
  waiting.add(response)
}

/** Lets a client that waits send its body. */
export function sendContinue(response: ServerResponse): void {
  if (waiting.delete(response)) response.writeContinue()
}
