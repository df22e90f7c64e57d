import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { createGunzip, gunzipSync } from 'node:zlib'
import { createHandler, createCompression, serve } from '@tailrace/http/node'
import { createWebHandler, respond } from '@tailrace/http/web'
import { needs, openStream } from '@tailrace/testkit'
import type { StreamReader } from '@tailrace/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { OPEN_GATE } from '../../src/gate.ts'
import { startServing } from '../serving.ts'
import type { Serving } from '../serving.ts'

const KIB = 1024
const curl = needs('curl')
const compression = createCompression()
let serving: Serving

beforeEach(async () => {
  serving = await startServing({ compression, hub: { heartbeatMs: 200 } })
})

afterEach(async () => {
  await serving[Symbol.asyncDispose]()
})

function open(path: string, encoding = 'gzip', headers: Record<string, string> = {}): Promise<StreamReader> {
  return openStream(`${serving.url}${path}`, { headers: { 'accept-encoding': encoding, ...headers } })
}

/** A server with another way to answer, on a port of its own. */
async function listening(
  answer: Parameters<typeof createServer>[1],
): Promise<AsyncDisposable & { url: string }> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** What a stream says, but for its first message, which is different for each. */
function saidTo(reader: StreamReader): string {
  return reader
    .text()
    .replace(/^retry: \d+\n\n/, '')
    .replaceAll(/^:\n/gm, '')
}

describe('a stream is compressed', () => {
  test('on the bare socket', async () => {
    const reader = await open('/topics/t')
    expect(reader.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding, Accept' })
    await serving.hub.publish('t', { data: 'one' })
    await reader.waitFor((frames) => frames.some(({ data }) => data === 'one'))
    reader.close()
  })

  test('by node:http, and by a route of an application', async () => {
    const { hub } = serving
    const handler = createHandler(hub, { gate: OPEN_GATE, compression, onError: () => undefined })
    await using whole = await listening(handler)
    await using route = await listening((request, response) => {
      void serve(hub, request, response, { topics: ['t'], compression })
    })
    for (const url of [`${whole.url}/topics/t`, route.url]) {
      const reader = await openStream(url, { headers: { 'accept-encoding': 'gzip' } })
      expect(reader.headers['content-encoding']).toBe('gzip')
      expect(reader.headers.vary).toContain('Accept-Encoding')
      await serving.hub.publish('t', { data: 'one' })
      await reader.waitFor((frames) => frames.some(({ data }) => data === 'one'))
      reader.close()
    }
  })

  test('over HTTP/2', async () => {
    const session = connect(serving.url)
    const stream = session.request({
      ':path': '/topics/t',
      accept: 'text/event-stream',
      'accept-encoding': 'gzip',
    })
    const [head] = (await once(stream, 'response')) as [Record<string, string>]
    expect(head['content-encoding']).toBe('gzip')
    await serving.hub.publish([{ topic: 't', data: 'one', end: true }])
    expect(await text(stream.pipe(createGunzip()))).toContain('data: one\n')
    session.close()
  })

  test('with Request and Response', async () => {
    const handler = createWebHandler(serving.hub, { gate: OPEN_GATE, compression, onError: () => undefined })
    const request = (): Request =>
      new Request('http://hub/topics/t', {
        headers: { accept: 'text/event-stream', 'accept-encoding': 'gzip' },
      })
    const answers = await Promise.all([
      handler(request()),
      respond(serving.hub, request(), { topics: ['t'], compression }),
    ])
    const read = answers.map(async (response) => Buffer.from(await response.arrayBuffer()))
    await serving.hub.publish([{ topic: 't', data: 'one', end: true }])
    for (const [i, body] of (await Promise.all(read)).entries()) {
      expect(answers[i]!.headers.get('content-encoding')).toBe('gzip')
      expect(gunzipSync(body).toString()).toContain('data: one\n')
    }
  })
})

test.skipIf(!curl)('curl and fetch decode a stream that ends, and check that it is complete', async () => {
  const { url, hub } = serving
  const [path, accept] = [`${url}/topics/t`, { accept: 'text/event-stream' }]
  const response = await fetch(path, { headers: { ...accept, 'accept-encoding': 'gzip' } })
  const curled = promisify(execFile)('curl', ['-sSN', '--compressed', `${path}?from=start`])
  await hub.publish([{ topic: 't', data: 'one' }])
  const last = await hub.publish([{ topic: 't', data: 'two', end: true }])
  const decoded = [await response.text(), (await curled).stdout]
  for (const one of decoded) {
    expect(one).toContain('data: one\n')
    expect(one).toContain(`data: two\nid: ${last[0]!.id}\n\n`)
    expect(one).toContain('event: tailrace.end\n')
  }
})

describe('a stream is not compressed', () => {
  test.each(['identity', 'br', 'gzip;q=0', ''])('for a client that accepts %j', async (encoding) => {
    const reader = await open('/topics/t', encoding)
    await reader.waitFor((frames) => frames.length > 0)
    expect(reader.headers['content-encoding']).toBeUndefined()
    expect(reader.headers.vary).toBe('Accept-Encoding, Accept')
    reader.close()
  })

  test('unless that was asked for', async () => {
    await using plain = await startServing()
    const reader = await openStream(`${plain.url}/topics/t`, { headers: { 'accept-encoding': 'gzip' } })
    await reader.waitFor((frames) => frames.length > 0)
    expect(reader.headers['content-encoding']).toBeUndefined()
    expect(reader.headers.vary).toBe('Accept')
    reader.close()
  })
})

test('the head of a compressed stream is the same without it', async () => {
  const response = await fetch(`${serving.url}/topics/t`, {
    method: 'HEAD',
    headers: { accept: 'text/event-stream', 'accept-encoding': 'gzip' },
  })
  expect(response.headers.get('content-encoding')).toBe('gzip')
})

test('a stream that ends is complete, and one that is cut off is not', async () => {
  const ending = await open('/topics/ends')
  await serving.hub.publish([{ topic: 'ends', data: 'last', end: true }])
  await ending.ended
  expect(ending.isComplete()).toBe(true)
  expect(ending.frames().at(-1)).toMatchObject({ event: 'tailrace.end' })
  const draining = await open('/topics/t')
  await draining.waitFor((frames) => frames.length > 1)
  await serving.hub.drain(0)
  await draining.ended
  expect(draining.isComplete()).toBe(true)
  expect(draining.frames().at(-1)).toMatchObject({ event: 'tailrace.error' })
})

test('every reader decodes what it would receive uncompressed, wherever it starts and however slowly it reads', async () => {
  const sizes = [1, 40, 100, 3000, 70 * KIB, 5, 200 * KIB, 1000, 64 * KIB, 10]
  const events = Array.from({ length: 60 }, (_, i) => ({
    topic: 't',
    type: i % 3 === 0 ? 'order.updated' : undefined,
    key: `k${i % 7}`,
    data: `${i} ${'order 17 paid äöü '.repeat(13_000)}`.slice(0, sizes[i % sizes.length]),
  }))
  const [, , middle] = await serving.hub.publish(events.slice(0, 30))
  const pairs: [StreamReader, StreamReader][] = []
  const openPair = async (path: string, headers: Record<string, string> = {}): Promise<void> => {
    pairs.push([await open(path, 'identity', headers), await open(path, 'gzip', headers)])
  }
  await openPair('/topics/t')
  await openPair('/topics/t?from=start')
  await openPair('/topics/t?snapshot=true')
  await openPair('/topics/t', { 'last-event-id': middle!.id })
  await openPair('/topics/t', { 'last-event-id': 'x.1' })
  await openPair('/events?topic=t&topic=u/*&envelope=json&from=start')
  for (const reader of pairs[1]!) reader.pause()
  for (const [i, event] of events.slice(30).entries()) {
    await serving.hub.publish([event])
    if (i % 10 === 5) await openPair('/topics/t?from=start')
  }
  for (const reader of pairs[1]!) reader.resume()
  await serving.hub.publish('t', { data: 'the last one' })
  for (const [plain, compressed] of pairs) {
    const isAll = (_: unknown, all: string): boolean => all.includes('the last one')
    await plain.waitFor(isAll)
    await compressed.waitFor(isAll)
    expect(saidTo(compressed) === saidTo(plain)).toBe(true)
    plain.close()
    compressed.close()
  }
})
