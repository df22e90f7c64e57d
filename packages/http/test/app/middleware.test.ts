import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve, servePublish } from '@tailrace/http/node'
import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { openStream } from '@tailrace/testkit'
import compression from 'compression'
import express from 'express'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { connectRaw } from '../raw-connection.ts'
import { listen } from './frameworks.ts'
import type { Listening } from './frameworks.ts'

let hub: Hub
let app: Listening
/** The responses of the streams, in the order of their requests. */
let streams: ServerResponse[] = []
let outcomes: Promise<unknown>[] = []
/** What a middleware that wraps `write` has seen. */
let seen = ''

beforeAll(async () => {
  hub = await createHub({ log: 'memory:' })
  app = await listen(
    express()
      .get('/short', (_, res) => void res.send('short'))
      .use('/compressed', compression({ threshold: 0 }))
      .get('/compressed/text', (_, res) => void res.type('text').send('x'.repeat(1000)))
      .use('/cors', (_, res, next) => {
        res.setHeader('Access-Control-Allow-Origin', 'https://shop.example')
        next()
      })
      .use('/wrapped', (_, res, next) => {
        const write = res.write.bind(res) as (...args: unknown[]) => boolean
        res.write = ((chunk: Buffer, ...rest: unknown[]) => {
          seen += chunk.toString()
          return write(chunk, ...rest)
        }) as typeof res.write
        next()
      })
      .use('/begun', (_, res, next) => {
        res.write('begun')
        next()
      })
      .post('/begun', (req, res) => {
        const served = servePublish(hub, req, res, { topic: 'begun' })
        outcomes.push(served.catch((error: unknown) => error))
        res.end()
      })
      .use((req, res) => {
        streams.push(res)
        const served = serve(hub, req, res, { topics: ['t'] })
        outcomes.push(served.catch((error: unknown) => error))
        if (req.path.startsWith('/begun')) res.end()
      }),
  )
})

afterAll(async () => {
  await hub.close()
  await app[Symbol.asyncDispose]()
})

beforeEach(() => {
  streams = []
  outcomes = []
})

async function openStreams(): Promise<number> {
  let count = 0
  await hub.survey(() => void (count += 1))
  return count
}

function url(path: string): string {
  return new URL(path, app.url).href
}

function raw(text: string): ReturnType<typeof connectRaw> {
  const connection = connectRaw((app.server.address() as AddressInfo).port)
  connection.send(text)
  return connection
}

const GET = 'GET /events HTTP/1.1\r\nHost: localhost\r\n'

test('behind compression(), which compresses other responses, events arrive at once and as they are', async () => {
  const headers = { 'accept-encoding': 'gzip' }
  const other = await fetch(url('/compressed/text'), { headers })
  expect(other.headers.get('content-encoding')).toBe('gzip')
  const reader = await openStream(url('/compressed/events'), { headers })
  expect(reader.headers['content-encoding']).toBe(undefined)
  await reader.waitFor((frames) => frames.some(({ event }) => event === 'tailrace.live'))
  await hub.publish('t', { data: 'one' })
  await reader.waitFor((frames) => frames.some(({ data }) => data === 'one'))
  reader.close()
  await Promise.all(outcomes)
  expect(await openStreams()).toBe(0)
})

test('headers that middleware has set are part of the response, also of a refusal', async () => {
  for (const path of ['/cors/events?from=start', '/cors/events?from=start&from=now']) {
    const leave = new AbortController()
    const { headers } = await fetch(url(path), { signal: leave.signal })
    expect(headers.get('access-control-allow-origin')).toBe('https://shop.example')
    leave.abort()
  }
  await Promise.all(outcomes)
})

test('middleware that wraps the response sees everything that a reader receives', async () => {
  const reader = await openStream(url('/wrapped/events'))
  await reader.waitFor((frames) => frames.some(({ event }) => event === 'tailrace.live'))
  await hub.publish('t', { data: 'x'.repeat(100_000) })
  await reader.waitFor((frames) => frames.some(({ data }) => data?.startsWith('xx') === true))
  expect(seen).toBe(reader.text())
  reader.close()
  await Promise.all(outcomes)
})

test('a response whose head was sent is refused with an error, and nothing is added to it', async () => {
  expect(await (await fetch(url('/begun'))).text()).toBe('begun')
  expect(await (await fetch(url('/begun'), { method: 'POST', body: 'x' })).text()).toBe('begun')
  const refused = { name: 'HttpError', code: 'head-sent' }
  expect(await Promise.all(outcomes)).toMatchObject([refused, refused])
  expect(await openStreams()).toBe(0)
  const history = await hub.read({ selectors: ['begun'] }, new AbortController().signal)
  expect(history).toMatchObject({ events: [] })
})

test('a response that is already being answered is refused with an error, and its stream continues', async () => {
  const second = Promise.withResolvers<unknown>()
  await using other = await listen(async (req, res) => {
    const first = serve(hub, req, res, { topics: ['t'] })
    second.resolve(serve(hub, req, res, { topics: ['t'] }).catch((error: unknown) => error))
    await first
  })
  const reader = await openStream(other.url)
  expect(await second.promise).toMatchObject({ name: 'HttpError', code: 'head-sent' })
  await reader.waitFor((frames) => frames.some(({ event }) => event === 'tailrace.live'))
  await hub.publish('t', { data: 'still here' })
  await reader.waitFor((frames) => frames.some(({ data }) => data === 'still here'))
  expect(await openStreams()).toBe(1)
  reader.close()
})

test('when the application ends the response, the connection serves the next request, and no event gets into it', async () => {
  using connection = raw(`${GET}\r\n`)
  await connection.until((text) => text.includes('tailrace.live'))
  streams[0]!.end()
  // Whatever the hub has for the stream now is not written after its end.
  await hub.publish('t', { data: 'too late' })
  await Promise.all(outcomes)
  connection.send('GET /short HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  const [stream, next] = (await connection.closed).split('\r\n0\r\n\r\n')
  expect(stream).not.toContain('too late')
  expect(next).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nshort$/)
  expect(await openStreams()).toBe(0)
})

test('a stream that waits behind another response on its connection follows it', async () => {
  using connection = raw(`GET /short HTTP/1.1\r\nHost: localhost\r\n\r\n${GET}\r\n`)
  const text = await connection.until((all) => all.includes('tailrace.live'))
  expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*shortHTTP\/1\.1 200 OK\r\n[^]*retry: /)
  await hub.publish('t', { data: 'after' })
  await connection.until((all) => all.includes('data: after'))
})

test('a request behind a stream on its connection is answered when the stream ends', async () => {
  using connection = raw(`${GET}\r\nGET /short HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  await connection.until((text) => text.includes('tailrace.live'))
  expect(await hub.revoke(() => true)).toBe(1)
  const text = await connection.until((all) => all.endsWith('short'))
  expect(text).toMatch(/tailrace\.error\ndata: {"code":"revoked"}\n\n\r\n0\r\n\r\nHTTP\/1\.1 200 OK\r\n/)
})

test.each([
  ['HTTP/1.0', 'GET /events HTTP/1.0\r\n\r\n', /\r\n\r\nretry: [^]*"revoked"}\n\n$/],
  ['a connection that it closes', `${GET}Connection: close\r\n\r\n`, /\r\n0\r\n\r\n$/],
])('a reader with %s receives a stream, and its end', async (_, request, end) => {
  using connection = raw(request)
  await connection.until((text) => text.includes('tailrace.live'))
  await hub.publish('t', { data: 'one' })
  await connection.until((text) => text.includes('data: one'))
  await hub.revoke(() => true)
  expect(await connection.closed).toMatch(end)
})

test('a reader that accepts nothing holds nothing but its place, and is cut', async () => {
  await using stalling = {
    hub: await createHub({ log: 'memory:', stallMs: 200 }),
    [Symbol.asyncDispose]: () => stalling.hub.close(),
  }
  await using other = await listen((req, res) => {
    streams.push(res)
    return serve(stalling.hub, req, res, { topics: ['t'] })
  })
  const reader = await openStream(other.url)
  await reader.waitFor((frames) => frames.some(({ event }) => event === 'tailrace.live'))
  reader.pause()
  const data = 'x'.repeat(1_000_000)
  const closed = once(streams[0]!, 'close')
  for (let i = 0; i < 32; i += 1) await stalling.hub.publish('t', { data })
  expect(streams[0]!.writableLength).toBeLessThanOrEqual(128 * 1024)
  await closed
  expect(stalling.hub.counters.closes.stalled).toBe(1)
})
