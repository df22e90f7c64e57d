import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { openStream } from '@tailrace/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { connectRaw } from './raw-connection.ts'
import { startServing } from './serving.ts'
import type { Serving } from './serving.ts'

let serving: Serving

beforeEach(async () => {
  serving = await startServing()
})

afterEach(async () => {
  await serving[Symbol.asyncDispose]()
})

async function publish(topic: string, data: string, end = false): Promise<string> {
  const [published] = await serving.hub.publish([{ topic, data, end }])
  return published!.id
}

/** Sends a request with exactly these headers, and resolves with the head of its answer. */
async function head(path: string, headers: Record<string, string>, method = 'GET'): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request(`${serving.url}${path}`, { method, headers, agent: false }, (response) => {
      response.destroy()
      resolve(response)
    })
    sent.on('error', reject).end()
  })
}

test('the head of a stream is all that proxies and browsers need, and no more', async () => {
  using raw = connectRaw(serving.port)
  raw.send('GET /topics/t HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n')
  const text = await raw.until((one) => one.includes('tailrace.live'))
  const [headText] = text.split('\r\n\r\n')
  const [status, ...headers] = headText!.split('\r\n')
  expect(status).toBe('HTTP/1.1 200 OK')
  expect(headers.filter((one) => !one.startsWith('Date: ')).toSorted()).toEqual([
    'Cache-Control: no-cache, no-transform',
    'Content-Type: text/event-stream; charset=utf-8',
    'Transfer-Encoding: chunked',
    'Vary: Accept',
    'X-Accel-Buffering: no',
    'X-Content-Type-Options: nosniff',
  ])
})

test('head and retry come before any event exists', async () => {
  const stream = await openStream(`${serving.url}/topics/t`)
  await stream.waitFor((frames) => frames.length === 2)
  expect(stream.frames()).toEqual([
    { retry: expect.stringMatching(/^\d+$/) },
    { event: 'tailrace.live', data: '{"heartbeatMs":15000}', id: expect.stringMatching(/\.0$/) },
  ])
  stream.close()
})

test('a HEAD request gets the head of the stream and leaves no reader behind', async () => {
  const response = await fetch(`${serving.url}/topics/t`, {
    method: 'HEAD',
    headers: { Accept: 'text/event-stream' },
  })
  expect([response.status, response.headers.get('content-type')]).toEqual([
    200,
    'text/event-stream; charset=utf-8',
  ])
  expect(await response.text()).toBe('')
})

describe('the Accept header decides', () => {
  const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8'
  const STREAM = 'text/event-stream; charset=utf-8'
  test.each([
    [undefined, 200, STREAM],
    ['*/*', 200, STREAM],
    ['text/event-stream', 200, STREAM],
    ['TEXT/Event-Stream', 200, STREAM],
    ['text/*', 200, STREAM],
    [BROWSER, 200, STREAM],
    ['application/json', 200, 'application/json'],
    ['application/*', 200, 'application/json'],
    ['application/json, */*;q=0.5', 200, 'application/json'],
    ['application/json, text/event-stream', 200, 'application/json'],
    ['text/event-stream;q=0.4, application/json;q=0.5', 200, 'application/json'],
    ['text/event-stream;q=0.5, application/json;q=0.4', 200, STREAM],
    ['text/event-stream;q=0, */*', 200, 'application/json'],
    ['application/json; charset=utf-8', 406, 'application/problem+json'],
    ['text/html', 406, 'application/problem+json'],
    ['text/event-stream;q=0', 406, 'application/problem+json'],
    ['nonsense', 406, 'application/problem+json'],
  ])('%s', async (accept, status, type) => {
    const response = await head('/topics/t', accept === undefined ? {} : { Accept: accept })
    expect([response.statusCode, response.headers['content-type'], response.headers.vary]).toEqual([
      status,
      type,
      'Accept',
    ])
  })
})

describe('where a stream starts', () => {
  let ids: string[]

  beforeEach(async () => {
    ids = []
    for (const data of ['a', 'b', 'c']) ids.push(await publish('t', data))
  })

  async function read(query: string, headers: Record<string, string> = {}): Promise<(string | undefined)[]> {
    const stream = await openStream(`${serving.url}/topics/t${query}`, { headers })
    const frames = await stream.waitFor((all) => all.some(({ event }) => event === 'tailrace.live'))
    stream.close()
    return frames.slice(1, -1).map(({ event, data }) => event ?? data)
  }

  test('now, when nothing is said', async () => {
    expect(await read('')).toEqual([])
    expect(await read('?from=now')).toEqual([])
  })

  test('at the start', async () => {
    expect(await read('?from=start')).toEqual(['a', 'b', 'c'])
  })

  test('after a cursor, of which Last-Event-ID wins over lastEventId, and that over from', async () => {
    expect(await read(`?from=${ids[0]}`)).toEqual(['b', 'c'])
    expect(await read(`?from=start&lastEventId=${ids[1]}`)).toEqual(['c'])
    expect(await read(`?from=start&lastEventId=${ids[0]}`, { 'Last-Event-ID': ids[1]! })).toEqual(['c'])
  })

  test('after a gap for a Last-Event-ID in any UTF-8, which is told back as it came', async () => {
    const sent = 'é✓ "quoted"'
    const stream = await openStream(`${serving.url}/topics/t?gap=live`, {
      headers: { 'Last-Event-ID': Buffer.from(sent).toString('latin1') },
    })
    const frames = await stream.waitFor((all) => all.some(({ event }) => event === 'tailrace.live'))
    expect(JSON.parse(frames[1]!.data!)).toEqual({ reason: 'unknown', from: sent, oldest: ids[0] })
    stream.close()
  })
})

test('a reader at the end of an ended topic is told by 204 not to come again', async () => {
  const id = await publish('t', 'bye', true)
  const response = await fetch(`${serving.url}/topics/t`, { headers: { 'Last-Event-ID': id } })
  expect([response.status, await response.text()]).toEqual([204, ''])
})

test('many topics and patterns fit on one stream, whose frames name their topics', async () => {
  const stream = await openStream(`${serving.url}/events?topic=orders/42&topic=prices/*`)
  await stream.waitFor((frames) => frames.length === 2)
  const ids = [await publish('orders/42', 'a'), await publish('prices/x', 'b')]
  await publish('orders/43', 'no')
  ids.push(await publish('prices/y', 'c'))
  const frames = await stream.waitFor((all) => all.length === 5)
  expect(frames.slice(2)).toEqual([
    { data: 'a', topic: 'orders/42', id: ids[0] },
    { data: 'b', topic: 'prices/x', id: ids[1] },
    { data: 'c', topic: 'prices/y', id: ids[2] },
  ])
  stream.close()
})

test('an envelope holds what EventSource would ignore', async () => {
  await serving.hub.publish([{ topic: 't', data: 'x', type: 'paid', key: 'k' }])
  const stream = await openStream(`${serving.url}/topics/t?from=start&envelope=json`)
  const frames = await stream.waitFor((all) => all.length === 3)
  expect(JSON.parse(frames[1]!.data!)).toEqual({
    topic: 't',
    type: 'paid',
    key: 'k',
    time: expect.any(String),
    data: 'x',
  })
  stream.close()
})

test('a reader that asks for it gets the newest of each key, and all that its neighbour gets otherwise', async () => {
  const conflated = await openStream(`${serving.url}/topics/prices?conflate=50ms`)
  const all = await openStream(`${serving.url}/topics/prices`)
  await Promise.all([conflated, all].map((stream) => stream.waitFor((frames) => frames.length === 2)))
  await serving.hub.publish(
    Array.from({ length: 100 }, (_, i) => ({ topic: 'prices', key: i % 2 ? 'odd' : 'even', data: `${i}` })),
  )
  await serving.hub.publish([{ topic: 'prices', key: 'last', data: 'done' }])
  await Promise.all(
    [conflated, all].map((stream) => stream.waitFor((frames) => frames.at(-1)!.data === 'done')),
  )
  expect(all.frames()).toHaveLength(2 + 101)
  // A large batch is delivered in slices, so a busy hub may send an earlier value of each key at first.
  const received = conflated.frames().slice(2)
  expect(received.slice(-3).map(({ data }) => data)).toEqual(['98', '99', 'done'])
  expect(received.length).toBeLessThan(all.frames().length / 4)
  conflated.close()
  all.close()
})

test('a hundred topics are taken, and one more is refused', async () => {
  const query = (count: number): string => Array.from({ length: count }, (_, i) => `topic=t${i}`).join('&')
  expect((await head(`/events?${query(100)}`, {})).statusCode).toBe(200)
  const response = await fetch(`${serving.url}/events?${query(101)}`)
  expect([response.status, await response.json()]).toMatchObject([400, { code: 'too-many-selectors' }])
})

test('a client that speaks HTTP/1.0 gets its stream, without chunks', async () => {
  using raw = connectRaw(serving.port)
  raw.send('GET /topics/t HTTP/1.0\r\n\r\n')
  await raw.until((text) => text.includes('tailrace.live'))
  const id = await publish('t', 'hello')
  const text = await raw.until((all) => all.includes('hello'))
  expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  expect(text).not.toMatch(/transfer-encoding/i)
  expect(text.split('\r\n\r\n')[1]).toMatch(
    new RegExp(
      `^retry: \\d+\n\nevent: tailrace.live\ndata: {"heartbeatMs":15000}\nid: .*\n\ndata: hello\nid: ${id}\n\n$`,
    ),
  )
})

describe('what follows a request for a stream on its connection', () => {
  const STREAM = 'GET /topics/t HTTP/1.1\r\nHost: x\r\n\r\n'

  test.each([
    ['garbage', STREAM, '\0\u0001 garbage\r\n\r\n', false],
    [
      'garbage after pipelined requests',
      `GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n${STREAM}`,
      'garbage\r\n\r\n',
      true,
    ],
    ['a bad header', STREAM, 'GET / HTTP/1.1\r\nHost: x\r\nA\0B: c\r\n\r\n', false],
    ['more than a reader has to say', STREAM, 'x'.repeat(1025), true],
    ['another request', STREAM, 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n', false],
  ])('cannot corrupt it: %s', async (_, requests, garbage, isCut) => {
    using raw = connectRaw(serving.port)
    raw.send(requests)
    await raw.until((text) => text.includes('tailrace.live'))
    raw.send(garbage)
    if (isCut) await raw.closed
    await publish('t', 'after')
    if (!isCut) await raw.until((text) => text.includes('data: after'))
    const stream = raw.text().slice(raw.text().indexOf('text/event-stream'))
    expect(stream).not.toContain('HTTP/1.1')
    expect(stream).not.toContain('malformed')
  })
})
