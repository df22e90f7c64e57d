import type { Socket } from 'node:net'
import type { ArrivalQueue, PendingConnections } from '@tailrace/http/node'

/** A client that has sent this much says hello, and need not be read until its turn. */
const MAX_HELLO_BYTES = 16 * 1024
/** What ends the wait of a connection. */
const LEAVING = ['end', 'timeout', 'error', 'close']

export interface HelloOptions {
  readonly arrivals: ArrivalQueue
  readonly pending: PendingConnections
  /** Time within which the first bytes must arrive, in milliseconds. */
  readonly helloMs: number
}

/**
 * Waits for the first bytes of a connection, and then for its turn to begin a TLS handshake. The bytes are put back. A
 * client that leaves meanwhile costs no handshake.
 */
export function awaitHello(
  socket: Socket,
  { arrivals, pending, helloMs }: HelloOptions,
  shake: (socket: Socket) => void,
): void {
  const chunks: Buffer[] = []
  let leaveQueue: (() => void) | undefined

  function read(chunk: Buffer): void {
    chunks.push(chunk)
    if (socket.bytesRead > MAX_HELLO_BYTES) socket.pause()
    pending.grow(socket, chunk.length)
    if (leaveQueue !== undefined || socket.destroyed) return
    // From here on, it is not the client that others would wait for.
    socket.setTimeout(0)
    leaveQueue = arrivals.add(socket.remoteAddress ?? '', begin)
  }

  function leave(): void {
    leaveQueue?.()
    socket.destroy()
  }

  function begin(): void {
    socket.off('data', read)
    for (const event of LEAVING) socket.off(event, leave)
    socket.pause()
    socket.unshift(Buffer.concat(chunks))
    shake(socket)
  }

  socket.setTimeout(helloMs)
  socket.on('data', read)
  for (const event of LEAVING) socket.on(event, leave)
}
