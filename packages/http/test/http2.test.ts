import { once } from 'node:events'
import { connect } from 'node:http2'
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import { connect as connectTcp, createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { promisify } from 'node:util'
import { createHttp2 } from '@tailrace/http/node'
import type { Http2 } from '@tailrace/http/node'
import { afterEach, beforeEach, expect, test } from 'vitest'

const LIMITS = { maxHeadBytes: 16 * 1024, headTimeoutMs: 10_000, requestTimeoutMs: 60_000 }
const IDLE_MS = 50

let http2: Http2
let server: Server
let url: string
let stop: () => void

beforeEach(async () => {
  // Answers at once; what asks for /open is never told that it was all.
  http2 = createHttp2(
    ({ url: path }, response) => {
      response.writeHead(200)
      if (path === '/open') response.write('x')
      else response.end()
    },
    LIMITS,
    { idleMs: IDLE_MS },
  )
  server = createServer((socket) => http2.take(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  stop = () => {
    http2.cut()
    server.close()
  }
})

afterEach(() => stop())

async function get(session: ClientHttp2Session, path: string): Promise<ClientHttp2Stream> {
  const stream = session.request({ ':path': path })
  await once(stream, 'response')
  return stream.resume()
}

/** Resolves when the connection has been let go for having nothing to do. */
async function idle(path?: string): Promise<boolean> {
  const session = connect(url)
  const closed = once(session, 'close')
  if (path !== undefined) await get(session, path)
  await closed
  return session.closed
}

test('a connection on which nothing is open is let go after a while, also when there was something', async () => {
  expect(await idle()).toBe(true)
  expect(await idle('/')).toBe(true)
})

test('a connection with a silent stream stays, and is let go once its last stream is over', async () => {
  const session = connect(url)
  const closed = once(session, 'close')
  const streams = [await get(session, '/open'), await get(session, '/open')]
  await idle('/')
  await idle('/')
  expect(session.closed).toBe(false)
  streams[0]!.close()
  await idle('/')
  await idle('/')
  expect(session.closed).toBe(false)
  streams[1]!.close()
  await closed
})

test('a client that keeps its end open is cut when its connection has been idle', async () => {
  const socket = connectTcp({ port: Number(new URL(url).port), host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', () => {})
  const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])
  // `GET /` of `h`, all in static entries of HPACK but the name.
  const headers = Buffer.from([0, 0, 6, 1, 5, 0, 0, 0, 1, 0x82, 0x86, 0x84, 0x41, 1, 0x68])
  socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), settings, headers]))
  await once(socket.resume(), 'end')
  const connections = (): Promise<number> => promisify(server.getConnections.bind(server))()
  await expect.poll(connections).toBe(0)
  socket.destroy()
})
