import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { Outcome } from './crowd.ts'

// Opens so many streams, and says what became of them; then, once each of them has got an event or its end, how many got it.

const [port, count] = process.argv.slice(2).map(Number) as [number, number]
/** Opened at a time: fewer than a server has in its backlog. */
const AT_ONCE = 100

function join(): Socket {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1')
  // The end that follows is what counts.
  socket.on('error', () => {})
  socket.write('GET /topics/crowd HTTP/1.1\r\nHost: localhost\r\n\r\n')
  return socket
}

/** Whether it comes before the end. */
function gets(socket: Socket, wanted: string): Promise<boolean> {
  return new Promise((resolve) => {
    if (socket.destroyed) {
      resolve(false)
      return
    }
    let text = ''
    const look = (chunk: string): void => {
      text += chunk
      if (text.includes(wanted)) settle(true)
    }
    const miss = (): void => settle(false)
    const settle = (isThere: boolean): void => {
      socket.off('data', look)
      socket.off('close', miss)
      resolve(isThere)
    }
    socket.on('data', look)
    socket.on('close', miss)
  })
}

process.on('disconnect', () => process.exit())

const live: Socket[] = []
for (let opened = 0; opened < count; opened += AT_ONCE) {
  const sockets = Array.from({ length: Math.min(AT_ONCE, count - opened) }, join)
  const areLive = await Promise.all(sockets.map((socket) => gets(socket, 'tailrace.live')))
  live.push(...sockets.filter((_, i) => areLive[i]))
}
const told = Promise.all(live.map((socket) => gets(socket, 'data: to all')))
process.send!({ live: live.length, closed: count - live.length } satisfies Outcome)
process.send!((await told).filter(Boolean).length)
