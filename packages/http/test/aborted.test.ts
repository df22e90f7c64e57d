import { connect, constants } from 'node:http2'
import { expect, test } from 'vitest'
import { OPEN_GATE } from '../src/gate.ts'
import { connectRaw } from './raw-connection.ts'
import type { RawConnection } from './raw-connection.ts'
import { startServing } from './serving.ts'
import type { Serving } from './serving.ts'

/** A hub that takes its time to see who asks, and counts what readers hold. */
interface Slow {
  readonly serving: Serving
  /** Resolves when somebody waits to be let in. */
  readonly asked: Promise<void>
  letIn(): void
  streams(): number
  reads(): number
}

async function startSlow(): Promise<Slow> {
  const asked = Promise.withResolvers<void>()
  const known = Promise.withResolvers<void>()
  let [streams, reads] = [0, 0]
  const serving = await startServing({
    gate: {
      async identify(facts, address) {
        asked.resolve()
        await known.promise
        return OPEN_GATE.identify(facts, address)
      },
      admit() {
        streams += 1
        return () => (streams -= 1)
      },
    },
    around: (hub) => ({
      read(query, signal) {
        reads += 1
        return hub.read(query, signal)
      },
    }),
  })
  return { serving, asked: asked.promise, letIn: known.resolve, streams: () => streams, reads: () => reads }
}

/** By HTTP/1.1, past the front, which takes no request that names transfer codings. */
async function leaveHttp1({ serving, asked }: Slow, path: string, accept: string): Promise<void> {
  const raw = connectRaw(serving.port)
  raw.send(`GET ${path} HTTP/1.1\r\nHost: x\r\nTE: trailers\r\nAccept: ${accept}\r\n\r\n`)
  await asked
  raw.reset()
  await expect.poll(() => serving.connections()).toBe(0)
}

async function leaveHttp2({ serving, asked }: Slow, path: string, accept: string): Promise<void> {
  const session = connect(serving.url)
  const stream = session.request({ ':path': path, accept })
  stream.on('error', () => {})
  await asked
  stream.close(constants.NGHTTP2_CANCEL)
  // What was sent before a ping has been seen when it is answered.
  await new Promise((resolve) => session.ping(resolve))
  session.close()
}

test.each([
  ['a stream over HTTP/1.1', leaveHttp1, '/topics/t', 'text/event-stream'],
  ['a stream over HTTP/2', leaveHttp2, '/topics/t', 'text/event-stream'],
  ['a page that is waited for over HTTP/1.1', leaveHttp1, '/topics/t?wait=55', 'application/json'],
  ['a page that is waited for over HTTP/2', leaveHttp2, '/topics/t?wait=55', 'application/json'],
])(
  'a client that asks for %s and leaves before it is known who it is holds nothing',
  async (_, leave, ...request) => {
    const slow = await startSlow()
    await using serving = slow.serving
    await leave(slow, ...request)
    slow.letIn()
    expect((await fetch(`${serving.url}/healthz`)).status).toBe(200)
    expect([slow.streams(), slow.reads()]).toEqual([0, 0])
    expect(serving.errors).toEqual([])
  },
)

test('a client that leaves while it waits for a page gives back its place', async () => {
  const slow = await startSlow()
  await using serving = slow.serving
  slow.letIn()
  for (const path of ['/topics/t?wait=55', '/events?topic=*&wait=55']) {
    const leaving = new AbortController()
    const init = { headers: { Accept: 'application/json' }, signal: leaving.signal }
    const answer = fetch(`${serving.url}${path}`, init).catch((error: Error) => error.name)
    await expect.poll(() => slow.streams()).toBe(1)
    leaving.abort()
    expect(await answer).toBe('AbortError')
    await expect.poll(() => slow.streams()).toBe(0)
  }
})

/** A frame of HTTP/2 (RFC 9113, section 4.1). Node's client ends what it resets, as if it had been all. */
function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  return Buffer.concat([Buffer.from([0, 0, payload.length, type, flags, 0, 0, 0, stream]), payload])
}

const HALF_A_PUBLISH = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  frame(4, 0, 0),
  // POST, http, a path and an authority (RFC 7541, appendix A); no more headers.
  frame(1, 4, 1, Buffer.from('\x83\x86\x04\x09/topics/t\x01\x01x', 'latin1')),
  frame(0, 0, 1, Buffer.from('half')),
])
const RESET = frame(3, 0, 1, Buffer.from([0, 0, 0, constants.NGHTTP2_CANCEL]))

test.each([
  ['its request', (raw: RawConnection): void => raw.send(RESET)],
  ['its connection', (raw: RawConnection): void => raw.reset()],
])(
  'a client that cuts %s in the middle of a body over HTTP/2 has published nothing, which is no fault of the hub',
  async (_, cut) => {
    let asked = 0
    await using serving = await startServing({
      gate: {
        identify(facts, address) {
          asked += 1
          return OPEN_GATE.identify(facts, address)
        },
      },
    })
    for (let i = 1; i <= 5; i += 1) {
      using raw = connectRaw(serving.port)
      raw.send(HALF_A_PUBLISH)
      await expect.poll(() => asked).toBe(i)
      cut(raw)
      raw.finish()
      await expect.poll(() => serving.connections()).toBe(0)
    }
    expect(serving.errors).toEqual([])
    const { signal } = new AbortController()
    expect(await serving.hub.read({ selectors: ['t'] }, signal)).toMatchObject({ events: [] })
  },
)
