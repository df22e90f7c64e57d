import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect as connectHttp2, constants } from 'node:http2'
import type { ClientHttp2Stream } from 'node:http2'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { promisify } from 'node:util'
import { createHttpServer, createHttp2 } from '@tailrace/http/node'
import type { Handler } from '@tailrace/http/node'
import { expect, test } from 'vitest'
import { answerJson } from '../src/json.ts'
import { exchangeOf } from '../src/node/exchange.ts'
import { openClient } from './client.ts'
import { connectRaw } from './raw-connection.ts'

const LIMITS = {
  maxHeadBytes: 16 * 1024,
  headTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  answerTimeoutMs: 400,
}
/** More than the kernel takes for who reads nothing. */
const LARGE = 'x'.repeat(32 * 1024 * 1024)

const PAGE = 'x'.repeat(1024 * 1024)
const BODIES: Readonly<Record<string, string>> = { '/large': LARGE, '/page': PAGE, '/small': 'small' }

const answer: Handler = (request, response) =>
  answerJson(exchangeOf(request, response), 200, BODIES[request.url!])

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

test('work for a request begins once the answers before it on its connection have been taken', async () => {
  const begun: ServerResponse[] = []
  const server = createHttpServer((_, response) => void begun.push(response), LIMITS)
  const port = await listen(server)
  using raw = connectRaw(port)
  using other = connectRaw(port)
  raw.send('GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n')
  await expect.poll(() => begun.length).toBe(1)
  other.send('GET /3 HTTP/1.1\r\nHost: x\r\n\r\n')
  await expect.poll(() => begun.length).toBe(2)
  expect(begun.map(({ req }) => req.url)).toEqual(['/1', '/3'])
  begun[0]!.end('one')
  await expect.poll(() => begun.at(-1)!.req.url).toBe('/2')
  begun.at(-1)!.end('two')
  expect(await raw.until((text) => text.includes('two'))).toMatch(/one[^]*HTTP\/1\.1 200 [^]*two/)
  server.close()
  server.closeAllConnections()
})

test('what was asked behind an answer that closes its connection is not done', async () => {
  const asked: string[] = []
  const server = createHttpServer(({ url }, response) => {
    asked.push(url!)
    setImmediate(() => response.end())
  }, LIMITS)
  using raw = connectRaw(await listen(server))
  raw.send('GET /1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n')
  await raw.closed
  await promisify(server.close.bind(server))()
  expect(asked).toEqual(['/1'])
})

test('a connection that takes nothing of an answer is cut, one that has taken all of it is kept', async () => {
  const server = createHttpServer(answer, LIMITS)
  const port = await listen(server)
  using kept = openClient(`http://127.0.0.1:${port}`)
  expect((await kept.send('GET', '/small')).text).toBe('"small"\n')
  const mute = connect(port, '127.0.0.1')
  mute.on('error', () => {})
  mute.pause().write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(10))
  const connections = (): Promise<number> => promisify(server.getConnections.bind(server))()
  await expect.poll(connections).toBe(2)
  // It says something all the while, which is not to take an answer.
  const noise = setInterval(() => mute.write('G'), 50)
  await expect.poll(connections, { timeout: 10_000 }).toBe(1)
  clearInterval(noise)
  expect((await kept.send('GET', '/large')).text).toHaveLength(LARGE.length + 3)
  expect(await connections()).toBe(1)
  mute.destroy()
  server.close()
  server.closeAllConnections()
})

test('over HTTP/2, an answer of which nothing is taken is cut, and others of its connection are not', async () => {
  const http2 = createHttp2(answer, LIMITS)
  const server = createServer((socket) => http2.take(socket))
  const session = connectHttp2(`http://127.0.0.1:${await listen(server)}`)
  const mute = session.request({ ':path': '/large' })
  mute.on('error', () => {})
  await once(mute, 'response')
  // Its `close` would wait for what it has to be read.
  await expect.poll(() => mute.closed, { timeout: 10_000 }).toBe(true)
  const taken = session.request({ ':path': '/small' })
  expect(String(await taken.toArray())).toBe('"small"\n')
  session.destroy()
  http2.cut()
  server.close()
})

test('over HTTP/2, so many large answers wait for one client; it may ask for the others again', async () => {
  const http2 = createHttp2(answer, { ...LIMITS, answerTimeoutMs: 60_000 })
  const server = createServer((socket) => http2.take(socket))
  const session = connectHttp2(`http://127.0.0.1:${await listen(server)}`)
  const streams = Array.from({ length: 40 }, () => session.request({ ':path': '/page' }))
  const begun = await Promise.all(
    streams.map((stream) => {
      stream.on('error', () => {})
      return new Promise<ClientHttp2Stream | undefined>((resolve) => {
        stream.on('response', () => resolve(stream))
        stream.on('close', () => resolve(undefined))
      })
    }),
  )
  const waiting = begun.filter((stream) => stream !== undefined)
  expect(waiting).toHaveLength(15)
  expect(streams.filter(({ rstCode }) => rstCode === constants.NGHTTP2_REFUSED_STREAM)).toHaveLength(25)
  for (const stream of waiting) expect(Buffer.concat(await stream.toArray())).toHaveLength(PAGE.length + 3)
  const again = session.request({ ':path': '/page' })
  expect(Buffer.concat(await again.toArray())).toHaveLength(PAGE.length + 3)
  session.destroy()
  http2.cut()
  server.close()
})
