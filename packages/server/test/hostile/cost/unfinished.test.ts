import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { makeCertificate, needs, tempDir } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'
import { block, frame, PREFACE, TYPE } from './http2-frame.ts'
import { isHeld } from './meter.ts'
import { HEAD_TIMEOUT_MS, startSubject } from './subject.ts'
import type { SubjectOptions } from './subject.ts'
import { connectTo } from './target.ts'
import type { Target } from './target.ts'

/** Connections of each kind. */
const EACH = 20
/** The pause of clients that send one byte at a time. */
const PACE_MS = 100
/** Allowance for the hub's check interval and for a busy machine. */
const GRACE_MS = 10_000

const POLL_MS = 250
const TIMEOUT = { timeout: 90_000 }

/** Opens a connection that the client neither continues nor closes. */
type Beginning = (hub: Target) => Promise<Socket>

const GET = block([
  [':method', 'GET'],
  [':path', '/topics/t'],
  [':scheme', 'https'],
  [':authority', 'localhost'],
])
/** The first eleven bytes of a TLS record of 512. */
const HALF_HELLO = Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3])

function after(sent: string | Uint8Array, protocol: Target['protocol'] = 'http1'): Beginning {
  return async (hub) => {
    const socket = await connectTo({ ...hub, protocol })
    if (sent.length > 0) socket.write(sent)
    return socket
  }
}

function bare(sent: Uint8Array): Beginning {
  return async ({ port, address }) => {
    const socket = connect({ host: '127.0.0.1', port, localAddress: address, allowHalfOpen: true })
    socket.on('error', () => {})
    await once(socket, 'connect')
    if (sent.length > 0) socket.write(sent)
    return socket
  }
}

/** Sends one byte at a time until it is cut off. */
function dripping(text: string): Beginning {
  return async (hub) => {
    const socket = await connectTo({ ...hub, protocol: 'http1' })
    let i = 0
    const timer = setInterval(() => socket.write(text[i++ % text.length]!), PACE_MS)
    socket.on('close', () => clearInterval(timer))
    return socket
  }
}

const HEADERS_WITHOUT_END = Buffer.concat([
  PREFACE,
  frame(TYPE.settings, 0, 0),
  frame(TYPE.headers, 0, 1, GET),
])
const HTTP: Readonly<Record<string, Beginning>> = {
  silence: after(''),
  'half a request line': after('GET /topics'),
  'half a head': after('GET /topics/t HTTP/1.1\r\nHost: loc'),
  'half a head of a publish': after('POST /topics/t HTTP/1.1\r\nHost: loc'),
  'a head that comes a byte at a time': dripping('GET /topics/t HTTP/1.1\r\nX: '.concat('x'.repeat(10_000))),
  'half a preface of HTTP/2': after('PRI * HTTP', 'http2'),
  'HEADERS without END_HEADERS': after(HEADERS_WITHOUT_END, 'http2'),
  'CONTINUATION without END_HEADERS': after(
    Buffer.concat([HEADERS_WITHOUT_END, frame(TYPE.continuation, 0, 1, block([['x', 'x']]))]),
    'http2',
  ),
  'half a frame': after(Buffer.concat([PREFACE, frame(TYPE.settings, 0, 0), Buffer.from([0, 1])]), 'http2'),
}
const TLS: Readonly<Record<string, Beginning>> = {
  'no handshake': bare(Buffer.alloc(0)),
  'half a handshake': bare(HALF_HELLO),
}

/** Opens connections of each kind. Returns how many the hub still holds when it should have closed all of them. */
async function heldAfterTimeout(
  options: SubjectOptions,
  kinds: Readonly<Record<string, Beginning>>,
): Promise<Readonly<Record<string, number>>> {
  await using subject = await startSubject(options)
  const hub = subject.client()
  const opened = await Promise.all(
    Object.entries(kinds).flatMap(([kind, begin]) =>
      Array.from({ length: EACH }, async () => {
        const socket = await begin(hub)
        // Noted now: a socket that was closed no longer knows its port.
        return { kind, socket, client: { address: hub.address, port: socket.localPort! } }
      }),
    ),
  )
  const deadline = performance.now() + HEAD_TIMEOUT_MS + GRACE_MS
  try {
    for (;;) {
      const held: Record<string, number> = {}
      for (const { kind, client } of opened) {
        if (isHeld(hub.port, client)) held[kind] = (held[kind] ?? 0) + 1
      }
      if (Object.keys(held).length === 0 || performance.now() > deadline) return held
      await delay(POLL_MS)
    }
  } finally {
    for (const { socket } of opened) socket.destroy()
  }
}

// Open connections are read from /proc.
describe.skipIf(process.platform !== 'linux')(
  'a client that never goes on is let go within --head-timeout',
  () => {
    test('over TCP', TIMEOUT, async () => {
      expect(await heldAfterTimeout({ protocol: 'http1' }, HTTP)).toEqual({})
    })

    test.skipIf(!needs('openssl'))('over TLS', TIMEOUT, async () => {
      using dir = tempDir()
      const { cert, key, pem } = makeCertificate(dir.path)
      const args = ['--tls-cert', cert, '--tls-key', key]
      expect(await heldAfterTimeout({ protocol: 'http1', args, ca: pem }, { ...HTTP, ...TLS })).toEqual({})
    })
  },
)
