import type { Server, Socket } from 'node:net'

/** Keeps every open connection of a listener in a set, no matter which protocol it uses. */
export function trackSockets(listener: Server, sockets: Set<Socket>): void {
  // Not a closure for each connection, because there may be many.
  function forget(this: Socket): void {
    sockets.delete(this)
  }
  listener.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', forget)
  })
}
