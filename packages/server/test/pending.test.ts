import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'
import { makeCertificate, needs, startHub, tempDir } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { connectRaw } from '../../http/test/raw-connection.ts'
import { startServing } from '../../http/test/serving.ts'

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
const SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])
/** Headers of a first stream, with more to come: END_HEADERS is not set. `:method: GET` is all of them. */
const OPEN_HEADERS = Buffer.from([0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82])

/** A connection whose end stays open when the other one is closed. */
function connectHalfOpen(port: number): Socket {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  socket.on('error', () => {})
  return socket.resume()
}

test.each<[string, (string | Buffer)[]]>([
  ['a preface alone', [PREFACE]],
  ['settings and no request', [PREFACE, SETTINGS]],
  ['headers without an end', [PREFACE, SETTINGS, OPEN_HEADERS]],
])(
  'an HTTP/2 connection with %s is cut after the time for a head, whether or not it closes',
  async (_, parts) => {
    await using serving = await startServing({ headTimeoutMs: 300 })
    const socket = connectHalfOpen(serving.port)
    for (const part of parts) socket.write(part)
    await expect.poll(() => serving.connections()).toBe(1)
    await expect.poll(() => serving.connections(), { timeout: 10_000 }).toBe(0)
    socket.destroy()
  },
)

test('pings do not keep an HTTP/2 connection without requests', async () => {
  await using serving = await startServing({ headTimeoutMs: 300 })
  const socket = connectHalfOpen(serving.port)
  socket.write(PREFACE)
  socket.write(SETTINGS)
  const pings = setInterval(
    () => socket.write(Buffer.from([0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8])),
    20,
  )
  await expect.poll(() => serving.connections()).toBe(1)
  await expect.poll(() => serving.connections(), { timeout: 10_000 }).toBe(0)
  clearInterval(pings)
  socket.destroy()
})

test.each([
  ['of a stream', 'GET /topics/t HTTP/1.1\r\nHost: x\r\n'],
  ['of another request', 'POST /topics/t HTTP/1.1\r\nHost: x\r\n'],
  ['of HTTP/2', PREFACE],
  ['of nothing yet', ''],
])('of too many connections without a whole head %s, the oldest is cut', async (_, head) => {
  await using serving = await startServing({ maxPending: 10 })
  const [oldest, ...others] = Array.from({ length: 10 }, () => connectRaw(serving.port))
  for (const raw of [oldest!, ...others]) raw.send(head)
  await expect.poll(() => serving.connections()).toBe(10)
  using newest = connectRaw(serving.port)
  newest.send('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
  await newest.until((all) => all.includes('"ok"'))
  // Which one is accepted first is the kernel's to say.
  await expect.poll(() => serving.connections()).toBe(10)
  for (const raw of [oldest!, ...others]) raw.destroy()
})

test('connections that have asked for something count no more', async () => {
  await using serving = await startServing({ maxPending: 2 })
  const asking = Array.from({ length: 20 }, (_, i) => {
    const raw = connectRaw(serving.port)
    raw.send(`GET /${i % 2 === 0 ? 'healthz' : 'topics/t'} HTTP/1.1\r\nHost: x\r\n\r\n`)
    return raw.until((got) => got.includes(i % 2 === 0 ? '"ok"' : 'tailrace.live')).then(() => raw)
  })
  // Two at a time get through; the kernel may hand over more at once.
  const served = await Promise.allSettled(asking)
  const open = served.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  expect(open.length).toBeGreaterThan(0)
  expect(await serving.connections()).toBe(open.length)
  for (const raw of open) raw.destroy()
})

test.skipIf(!needs('openssl'))(
  'a TLS handshake that does not end is cut, and others are served',
  async () => {
    using dir = tempDir()
    const certificate = makeCertificate(dir.path)
    await using hub = await startHub({
      args: ['--tls-cert', certificate.cert, '--tls-key', certificate.key, '--head-timeout', '500ms'],
    })
    // The first bytes of a ClientHello that never ends.
    const sockets = Array.from({ length: 50 }, () => connectHalfOpen(hub.port))
    const cut = Promise.all(sockets.map((socket) => once(socket, 'close')))
    for (const socket of sockets) {
      socket.on('end', () => socket.destroy())
      socket.write(Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]))
    }
    expect(await cut).toHaveLength(50)
    const socket = connectTls({ host: '127.0.0.1', port: hub.port, ca: certificate.pem })
    socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    expect(await text(socket)).toContain('"ok"')
  },
)
