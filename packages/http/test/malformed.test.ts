import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { rawAnswerOf, refusal } from './problem-shape.ts'
import { connectRaw } from './raw-connection.ts'
import { startServing } from './serving.ts'
import type { Serving } from './serving.ts'
import { openWitness } from '../../server/test/support/witness.ts'
import type { Witness } from '../../server/test/support/witness.ts'

let serving: Serving
let witness: Witness

beforeAll(async () => {
  serving = await startServing({
    hub: { maxEventBytes: 1000, maxBatchBytes: 2000 },
    maxHeadBytes: 4096,
    headTimeoutMs: 300,
    requestTimeoutMs: 600,
  })
  witness = await openWitness(serving)
})

afterAll(async () => {
  witness.close()
  await serving[Symbol.asyncDispose]()
})

/** Whatever was refused, others are served on. */
afterEach(() => witness.confirm())

const HEAD = 'POST /topics/t HTTP/1.1\r\nHost: x\r\n'

test.each<[string, string, number, string, Readonly<Record<string, unknown>>]>([
  [
    'a NUL in a header',
    `${HEAD}Event-Type: a\0b\r\nContent-Length: 1\r\n\r\nx`,
    400,
    'malformed-request',
    {},
  ],
  ['a CR in a header', `${HEAD}Event-Type: a\rb\r\nContent-Length: 1\r\n\r\nx`, 400, 'malformed-request', {}],
  ['a header without an end', `${HEAD}Event Type: a\r\n\r\n`, 400, 'malformed-request', {}],
  ['no HTTP at all', 'hello\r\n\r\n', 400, 'malformed-request', {}],
  ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, 'malformed-request', {}],
  ['two lengths', `${HEAD}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx`, 400, 'malformed-request', {}],
  [
    'a length and chunks',
    `${HEAD}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx`,
    400,
    'malformed-request',
    {},
  ],
  ['no Host', 'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'malformed-request', {}],
  [
    'an expectation that nobody meets',
    `${HEAD}Expect: wonders\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
    400,
    'invalid-header',
    { header: 'Expect' },
  ],
  ['a head that is too large', `${HEAD}X: ${'x'.repeat(5_000)}\r\n\r\n`, 431, 'head-too-large', {}],
  [
    'a type that is given twice',
    `${HEAD}Event-Type: a\r\nEvent-Type: b\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx`,
    400,
    'invalid-header',
    { header: 'Event-Type' },
  ],
  [
    'a cursor that is given twice',
    'GET /topics/t HTTP/1.1\r\nHost: x\r\nLast-Event-ID: a\r\nLast-Event-ID: b\r\nConnection: close\r\n\r\n',
    400,
    'invalid-header',
    { header: 'Last-Event-ID' },
  ],
  // A URL parser, and so every HTTP library, resolves these away.
  [
    'a dot as a segment',
    'POST /topics/a/. HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    400,
    'invalid-topic',
    { flaw: expect.any(String) },
  ],
  [
    'two dots, encoded, as a segment',
    'POST /topics/a/%2e%2E/b HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    400,
    'invalid-topic',
    { flaw: expect.any(String) },
  ],
  [
    'a declared length that is too large',
    `${HEAD}Content-Length: 1001\r\n\r\n`,
    413,
    'event-too-large',
    { maxBytes: 1000 },
  ],
  [
    'chunks that are too large',
    `${HEAD}Transfer-Encoding: chunked\r\n\r\n3e9\r\n${'x'.repeat(1001)}\r\n`,
    413,
    'event-too-large',
    { maxBytes: 1000 },
  ],
  ['a head that does not come', 'GET /topics/t HTTP/1.1\r\nHo', 408, 'request-timeout', {}],
  ['a body that does not come', `${HEAD}Content-Length: 5\r\n\r\nab`, 408, 'request-timeout', {}],
])('%s is refused, and the connection is closed', async (_, text, status, code, facts) => {
  using raw = connectRaw(serving.port)
  raw.send(Buffer.from(text, 'latin1'))
  const answer = await raw.closed
  expect(rawAnswerOf(answer)).toEqual(refusal(status, code, facts))
  expect(answer).toMatch(/^Connection: close\r$/im)
})

test('a body that is too large is not read to its end', async () => {
  using raw = connectRaw(serving.port)
  raw.send(`${HEAD}Content-Length: 1000000000\r\n\r\n`)
  expect(rawAnswerOf(await raw.closed)).toEqual(refusal(413, 'event-too-large', { maxBytes: 1000 }))
})

test('what is refused for coming too slowly is not stored when the rest of it comes', async () => {
  const before = await serving.log.describe()
  const socket = connect({ host: '127.0.0.1', port: serving.port, allowHalfOpen: true })
  socket.on('error', () => {})
  socket.write(`${HEAD}Content-Length: 5\r\n\r\nab`)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 408 /)
  socket.end('cde')
  await once(socket.resume(), 'close')
  await fetch(`${serving.url}/healthz`)
  expect(await serving.log.describe()).toEqual(before)
})

test('half a body and a farewell leave nothing behind', async () => {
  const before = await serving.log.describe()
  for (const leave of ['finish', 'destroy'] as const) {
    using raw = connectRaw(serving.port)
    raw.send(`${HEAD}Content-Length: 10\r\n\r\nhalf`)
    // The request is on its way once another one, sent after it, is answered.
    await fetch(`${serving.url}/healthz`)
    raw[leave]()
    await raw.closed
  }
  expect(await serving.log.describe()).toEqual(before)
})

test.each(['hello\r\n\r\n', 'GET /x', 'POST /topics/t HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\na'])(
  'a client that was refused and does not leave is cut off: %j',
  async (text) => {
    await using own = await startServing({ headTimeoutMs: 300, requestTimeoutMs: 600 })
    // Its end stays open when ours is closed.
    const socket = connect({ host: '127.0.0.1', port: own.port, allowHalfOpen: true })
    socket.on('error', () => {})
    socket.write(text)
    socket.resume()
    await once(socket, 'end')
    await expect.poll(() => own.connections(), { timeout: 5_000 }).toBe(0)
    socket.destroy()
  },
)
