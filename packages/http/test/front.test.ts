import { once } from 'node:events'
import { connect } from 'node:net'
import { HttpError } from '@tailrace/http'
import { ArrivalQueue } from '@tailrace/http/node'
import { openStream } from '@tailrace/testkit'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { connectRaw } from './raw-connection.ts'
import { startServing } from './serving.ts'
import type { Serving } from './serving.ts'

let serving: Serving

beforeEach(async () => {
  serving = await startServing({ headTimeoutMs: 1_000 })
})

afterEach(() => serving[Symbol.asyncDispose]())

test('a request that comes a byte at a time is a stream in the end', async () => {
  using raw = connectRaw(serving.port)
  for (const byte of 'GET /topics/t HTTP/1.1\r\nHost: x\r\n\r\n') {
    raw.send(byte)
    await new Promise(setImmediate)
  }
  const text = await raw.until((all) => all.includes('tailrace.live'))
  expect(text).toMatch(/^HTTP\/1.1 200 OK\r\n/)
})

test('what is no stream is answered on the same connection as ever, and a stream may follow it', async () => {
  using raw = connectRaw(serving.port)
  raw.send('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
  await raw.until((text) => text.includes('"ok"'))
  raw.send('POST /topics/t HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi')
  await raw.until((text) => text.includes('201 Created'))
  raw.send('GET /topics/t?from=start HTTP/1.1\r\nHost: x\r\n\r\n')
  const text = await raw.until((all) => all.includes('data: hi'))
  expect(text.match(/^HTTP\/1.1 /gm)).toHaveLength(3)
})

test('a stream that is refused is refused in the words of the protocol', async () => {
  const refused = await openStream(`${serving.url}/topics/t?gap=never`)
  expect(refused.status).toBe(400)
  await refused.ended
  expect(JSON.parse(refused.text())).toMatchObject({ code: 'invalid-query', parameter: 'gap' })
})

test.each(['/topics/t', '/healthz'])(
  'a head larger than is taken is refused for %s, however it comes',
  async (path) => {
    for (const size of [20_000, 50_000]) {
      using raw = connectRaw(serving.port)
      raw.send(`GET ${path} HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(size)}\r\n\r\n`)
      expect(await raw.closed).toMatch(/^HTTP\/1.1 431 [^]*"code":"head-too-large"/)
    }
  },
)

test('6,000 spaces in a header do not hold up the hub for longer than a test may take', async () => {
  using raw = connectRaw(serving.port)
  raw.send(`GET /topics/t HTTP/1.1\r\nHost: x\r\nX:${' '.repeat(6_000)}\x01\r\n\r\n`)
  expect(await raw.closed).toContain('HTTP/1.1 400 ')
})

test('a connection that never says what it wants is refused, and closed', async () => {
  using raw = connectRaw(serving.port)
  raw.send('GET /topics/t HT')
  await raw.closed
  expect(raw.text()).toContain('HTTP/1.1 408 ')
  expect(raw.text()).toContain('"code":"request-timeout"')
})

test('a client that is refused does not keep its connection by sending more', async () => {
  const socket = connect({ host: '127.0.0.1', port: serving.port, allowHalfOpen: true })
  socket.on('error', () => {})
  socket.write('GET /topics/t HT')
  await once(socket.resume(), 'end')
  const timer = setInterval(() => socket.write('x'), 50)
  await new Promise((resolve) => socket.on('close', resolve))
  clearInterval(timer)
  await expect.poll(() => serving.connections()).toBe(0)
})

/** Takes turns for a while before whoever arrives now. */
function crowd(arrivals: ArrivalQueue): void {
  for (let i = 0; i < 40; i += 1) {
    arrivals.add('192.0.2.1', () => {
      const until = performance.now() + 5
      while (performance.now() < until);
    })
  }
}

test('a publish is stored although its client closes its half before its turn', async () => {
  const arrivals = new ArrivalQueue()
  await using own = await startServing({ arrivals })
  using raw = connectRaw(own.port)
  await expect.poll(() => own.connections()).toBe(1)
  crowd(arrivals)
  raw.send('POST /topics/t HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi')
  raw.finish()
  expect(await raw.closed).not.toContain('HTTP/1.1 400 ')
  const { events } = await own.log.read({ selectors: ['t'], after: 0, limit: 10, maxBytes: 1_000 })
  expect(events).toMatchObject([{ data: 'hi' }])
})

test.each([
  ['admitted', undefined],
  ['refused', new HttpError('forbidden', 'no')],
])('a client that closes its half before it is %s as a reader leaves nothing behind', async (_, refusal) => {
  const asked = Promise.withResolvers<void>()
  const decided = Promise.withResolvers<void>()
  await using own = await startServing({
    gate: {
      async identify() {
        asked.resolve()
        await decided.promise
        if (refusal !== undefined) throw refusal
        return { address: '' }
      },
    },
  })
  const socket = connect({ host: '127.0.0.1', port: own.port, allowHalfOpen: true }).resume()
  socket.end('GET /topics/t HTTP/1.1\r\nHost: x\r\n\r\n')
  await asked.promise
  // What the system does with the end of a connection is done when it has done the same for a later one.
  using later = connectRaw(own.port)
  later.send('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  await later.closed
  decided.resolve()
  await once(socket, 'end')
  await expect.poll(() => own.connections()).toBe(0)
  expect(own.errors).toEqual([])
})

test('a reader that closes its half is let go', async () => {
  using raw = connectRaw(serving.port)
  raw.send('GET /topics/t HTTP/1.1\r\nHost: x\r\n\r\n')
  await raw.until((text) => text.includes('tailrace.live'))
  raw.finish()
  await raw.closed
  while ((await serving.connections()) > 0) await new Promise(setImmediate)
  expect(await serving.connections()).toBe(0)
})

test('1,000 readers that reset their connections leave nothing behind', async () => {
  const readers = Array.from({ length: 1_000 }, () => connectRaw(serving.port))
  for (const raw of readers) raw.send('GET /topics/t HTTP/1.1\r\nHost: x\r\n\r\n')
  await Promise.all(readers.map((raw) => raw.until((text) => text.includes('tailrace.live'))))
  expect(await serving.connections()).toBe(1_000)
  for (const raw of readers) raw[Symbol.dispose]()
  while ((await serving.connections()) > 0) await new Promise(setImmediate)
  const [published] = await serving.hub.publish([{ topic: 't', data: 'to nobody' }])
  expect(published).toMatchObject({ topic: 't' })
})
