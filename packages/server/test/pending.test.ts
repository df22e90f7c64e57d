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
])('of too many connections without a whole head %s, the oldest are cut', async (_, head) => {
  // Each costs 2 KiB at least.
  await using serving = await startServing({ maxPendingBytes: 200 * 1024 })
  const crowd = Array.from({ length: 300 }, () => connectRaw(serving.port))
  for (const raw of crowd) raw.send(head)
  await Promise.any(crowd.map((raw) => raw.closed))
  using newest = connectRaw(serving.port)
  newest.send('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
  await newest.until((all) => all.includes('"ok"'))
  expect(await serving.connections()).toBeLessThanOrEqual(101)
  for (const raw of crowd) raw.destroy()
})

test('3,000 readers that come in the same moment are all served', async () => {
  await using hub = await startHub()
  const crowd = Array.from({ length: 3_000 }, () => connectRaw(hub.port))
  for (const raw of crowd) raw.send('GET /topics/t HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await Promise.all(crowd.map((raw) => raw.until((got) => got.includes('tailrace.live'))))
  const metrics = await (await fetch(`${hub.url}/metrics`)).text()
  expect(metrics).toContain('tailrace_limits_hit_total{limit="max-pending"} 0\n')
  // The one that asks is none of them.
  expect(metrics).toContain('tailrace_pending_bytes 0\n')
  for (const raw of crowd) raw.destroy()
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
