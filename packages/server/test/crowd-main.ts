import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { Outcome } from './crowd.ts'

// Opens so many streams, and says what became of them; then, once each of them has got an event, says so.

const [port, count] = process.argv.slice(2).map(Number) as [number, number]
/** Opened at a time: fewer than a server has in its backlog. */
const AT_ONCE = 100

async function join(): Promise<Socket | undefined> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1')
  socket.on('error', () => {})
  const isOver = once(socket, 'close').then(() => undefined)
  socket.write('GET /topics/crowd HTTP/1.1\r\nHost: localhost\r\n\r\n')
  return Promise.race([until(socket, 'tailrace.live'), isOver])
}

async function until(socket: Socket, wanted: string): Promise<Socket> {
  let text = ''
  while (!text.includes(wanted)) text += ((await once(socket, 'data')) as [string])[0]
  return socket
}

process.on('disconnect', () => process.exit())

const all: (Socket | undefined)[] = []
while (all.length < count) {
  const crowd = Array.from({ length: Math.min(AT_ONCE, count - all.length) }, join)
  all.push(...(await Promise.all(crowd)))
}
const live = all.filter((socket) => socket !== undefined)
const told = Promise.all(live.map((socket) => until(socket, 'data: ')))
process.send!({ live: live.length, closed: count - live.length } satisfies Outcome)
await told
process.send!('told')
