import { once } from 'node:events'
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { ServeStreamOptions } from '@tailrace/http'
import { plainDialect } from '@tailrace/http'
import { serveStream } from '@tailrace/http/node'
import { createHub, StreamFailure } from '@tailrace/hub'
import type { Hub, StreamWriter } from '@tailrace/hub'
import { createMemoryLog } from '@tailrace/log'
import { openStream } from '@tailrace/testkit'
import express from 'express'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { listen } from './frameworks.ts'
import type { Listening } from './frameworks.ts'

const log = createMemoryLog()
let hub: Hub
let app: Listening
let options: Omit<ServeStreamOptions, 'topic'>
/** How often a stream was produced. */
let produced = 0
let errors: unknown[] = []

beforeAll(async () => {
  hub = await createHub({ log, onError: (error) => errors.push(error) })
  app = await listen(
    express().all('/mounted/:id', (req, res) =>
      serveStream(hub, req, res, { topic: `answers/${req.params.id}`, ...options }),
    ),
  )
})

afterAll(async () => {
  await hub.close()
  await app[Symbol.asyncDispose]()
})

beforeEach(() => {
  produced = 0
  errors = []
})

/** A producer that a test drives. */
function producer(): { writer: Promise<StreamWriter>; options: typeof options; finish(error?: Error): void } {
  const writer = Promise.withResolvers<StreamWriter>()
  const over = Promise.withResolvers<void>()
  return {
    writer: writer.promise,
    finish: (error) => (error === undefined ? over.resolve() : over.reject(error)),
    options: {
      async produce(to) {
        produced += 1
        writer.resolve(to)
        await over.promise
      },
    },
  }
}

async function openStreams(): Promise<number> {
  let count = 0
  await hub.survey(() => void (count += 1))
  return count
}

function post(id: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${app.url}/${id}`, { method: 'POST', ...init })
}

test('a POST responds with the stream that it opens, and a GET attaches to it from the start or from an id', async () => {
  const { writer, finish, options: producing } = producer()
  options = producing
  const posted = await post('1', { headers: { 'Content-Type': 'application/json' }, body: '{"prompt":"x"}' })
  const to = await writer
  await to.write('one')
  await to.write({ two: 2 }, { type: 'delta' })
  const attached = await openStream(`${app.url}/1`)
  const frames = await attached.waitFor((all) => all.some(({ event }) => event === 'delta'))
  const events = frames.filter(({ data, event }) => data !== undefined && event !== 'tailrace.live')
  expect(events.map(({ event, data }) => [event, data])).toEqual([
    [undefined, 'one'],
    ['delta', '{"two":2}'],
  ])
  finish()
  expect((await posted.text()).match(/^data: .*$/gm)).toEqual([
    expect.stringContaining('heartbeatMs'),
    'data: one',
    'data: {"two":2}',
    'data: {}',
    'data: {"topic":"answers/1"}',
  ])
  await attached.ended
  const resumed = await openStream(`${app.url}/1`, { headers: { 'last-event-id': events[0]!.id! } })
  await resumed.ended
  expect(resumed.frames().map(({ event }) => event)).toEqual([
    undefined,
    'delta',
    'tailrace.done',
    'tailrace.live',
    'tailrace.end',
  ])
  const last = resumed.frames().at(-1)!.id!
  expect((await fetch(`${app.url}/1`, { headers: { 'Last-Event-ID': last } })).status).toBe(204)
})

test('a stream continues when its readers leave, and whoever comes later receives all of it', async () => {
  const { writer, finish, options: producing } = producer()
  options = producing
  const leave = new AbortController()
  await post('2', { signal: leave.signal })
  const to = await writer
  await to.write('one')
  leave.abort()
  await expect.poll(openStreams).toBe(0)
  expect(to.signal.aborted).toBe(false)
  await to.write('two')
  finish()
  const later = await openStream(`${app.url}/2`)
  await later.ended
  expect(
    later.frames().flatMap(({ event, data }) => (event === undefined && data !== undefined ? data : [])),
  ).toEqual(['one', 'two'])
})

test('a second POST is refused, and produces nothing', async () => {
  const { writer, finish, options: producing } = producer()
  options = producing
  await post('3')
  await writer
  const second = await post('3')
  expect([second.status, await second.json(), produced]).toMatchObject([409, { code: 'stream-exists' }, 1])
  finish()
})

test('DELETE cancels a stream: its producer is told, and its readers see why it ended', async () => {
  const { writer, finish, options: producing } = producer()
  options = producing
  const posted = await post('4')
  const { signal } = await writer
  expect((await fetch(`${app.url}/4`, { method: 'DELETE' })).status).toBe(204)
  expect(await posted.text()).toContain('event: tailrace.failed\ndata: {"code":"cancelled"')
  expect(signal.reason).toMatchObject({ code: 'stream-over' })
  finish(new Error('aborted'))
  expect((await fetch(`${app.url}/4`, { method: 'DELETE' })).status).toBe(204)
})

test.each([
  ['a secret', new Error('secret'), 'failed', 'The producer of this stream failed.'],
  [
    'what readers may know',
    new StreamFailure('upstream-refused', 'No credit.'),
    'upstream-refused',
    'No credit.',
  ],
])('a stream whose producer throws %s fails visibly', async (name, error, code, message) => {
  options = { produce: () => Promise.reject(error) }
  const received = await (await post(encodeURIComponent(name))).text()
  expect(received).toContain(`event: tailrace.failed\ndata: ${JSON.stringify({ code, message })}`)
})

test('a stream that its producer ends itself ends there', async () => {
  options = {
    async produce(writer) {
      await writer.end({ type: 'last', data: '[DONE]' })
    },
  }
  const received = await (await post('5')).text()
  expect(received).toContain('event: last\ndata: [DONE]\n')
  expect(received).not.toContain('tailrace.done')
  expect(errors).toEqual([])
})

test('an error after the end of a stream, which no reader can see, is reported', async () => {
  const late = new Error('The answer could not be saved.')
  options = {
    async produce(writer) {
      await writer.end()
      throw late
    },
  }
  expect(await (await post('9')).text()).toContain('tailrace.done')
  await expect.poll(() => errors).toEqual([late])
})

test.each([
  ['GET', 404, 'unknown-stream'],
  ['DELETE', 404, 'unknown-stream'],
  ['PUT', 405, 'method-not-allowed'],
])('a %s of a stream that is not there is answered with %i', async (method, status, code) => {
  options = producer().options
  const response = await fetch(`${app.url}/nothing`, { method })
  expect([response.status, await response.json()]).toMatchObject([status, { code }])
})

test('a topic that the application does not have is its mistake, and opens nothing', async () => {
  await using other = await listen((req, res) =>
    serveStream(hub, req, res, { topic: undefined as unknown as string, ...producer().options }).catch(
      (error: unknown) => errors.push(error),
    ),
  )
  expect((await fetch(other.url, { method: 'POST' })).status).toBe(500)
  await expect.poll(() => errors).toEqual([new TypeError('A topic must be a string, got undefined')])
  expect(produced).toBe(0)
})

test('a page of another site opens no stream and cancels none, unless its origin is allowed', async () => {
  const { writer, finish, options: producing } = producer()
  options = { ...producing, allowOrigins: ['https://shop.example'] }
  const own = new URL(app.url).origin
  const foreign = [{ Origin: 'https://evil.example' }, { Origin: 'null' }, { 'Sec-Fetch-Site': 'cross-site' }]
  for (const headers of foreign) {
    const refused = await post('10', { headers })
    expect([refused.status, await refused.json(), produced]).toMatchObject([403, { code: 'cross-origin' }, 0])
  }
  await post('10', { headers: { Origin: own } })
  const { signal } = await writer
  for (const headers of foreign) {
    const refused = await fetch(`${app.url}/10`, { method: 'DELETE', headers })
    expect([refused.status, signal.aborted]).toEqual([403, false])
  }
  const headers = { Origin: 'https://shop.example' }
  expect((await fetch(`${app.url}/10`, { method: 'DELETE', headers })).status).toBe(204)
  finish()
})

test('HEAD finds a stream, and OPTIONS lists the methods', async () => {
  const { finish, options: producing } = producer()
  options = { ...producing, headers: { 'X-Stream': '6' } }
  finish()
  await (await post('6')).text()
  const head = await fetch(`${app.url}/6`, { method: 'HEAD' })
  expect([head.status, head.headers.get('x-stream')]).toEqual([200, '6'])
  expect((await fetch(`${app.url}/7`, { method: 'HEAD' })).status).toBe(404)
  const known = await fetch(`${app.url}/6`, { method: 'OPTIONS' })
  expect(known.headers.get('allow')).toBe('HEAD, GET, POST, DELETE, OPTIONS')
  options = {}
  expect((await post('7')).status).toBe(405)
})

test('a POST whose client has left before it is answered opens nothing', async () => {
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<IncomingMessage>()
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>()
  await using other = await listen(async (req, res) => {
    arrive(req)
    await once(res, 'close')
    await serveStream(hub, req, res, { topic: 'answers/8', ...producer().options })
    answer()
  })
  const posting = request(other.url, { method: 'POST' })
  posting.on('error', () => undefined)
  posting.end()
  await arrived
  posting.destroy()
  await answered
  expect([await hub.findStream('answers/8'), produced]).toEqual([undefined, 0])
})

test('readers of a stream whose beginning retention has removed learn that it is missing', async () => {
  options = {}
  const writer = hub.stream('answers/trimmed')
  for (const word of ['one', 'two', 'three']) await writer.write(word)
  await writer.end()
  await log.retention.trim([{ selector: 'answers/trimmed', maxCount: 2 }], Date.now())
  for (const query of ['', '?from=start']) {
    options = {}
    const told = await (await fetch(`${app.url}/trimmed${query}`)).text()
    expect(told).toContain('event: tailrace.gap\n')
    expect(told).toContain('data: three\n')
    options = { dialect: plainDialect() }
    const plain = await (await fetch(`${app.url}/trimmed${query}`)).text()
    expect(plain).toContain('event: error\ndata: {"code":"cursor-gone"')
    expect(plain).not.toContain('three')
  }
})

test.each([undefined, 404, 204] as const)(
  'a GET of a stream that does not exist is answered as the application chooses: %s',
  async (absent) => {
    options = { absent }
    expect((await fetch(`${app.url}/nothing`)).status).toBe(absent ?? 404)
  },
)
