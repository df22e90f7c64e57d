import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ServePublishOptions } from '@tailrace/http'
import { serveHistory, servePublish } from '@tailrace/http/node'
import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { createMemoryLog, LogError } from '@tailrace/log'
import express from 'express'
import type { Express, RequestHandler } from 'express'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FRAMEWORKS, listen } from './frameworks.ts'
import type { Listening } from './frameworks.ts'

let hub: Hub
let app: Listening
/** What the hub reported. */
let errors: unknown[] = []

beforeEach(async () => {
  errors = []
  hub = await createHub({ log: 'memory:', onError: (error) => errors.push(error) })
})

afterEach(async () => {
  await hub.close()
  await app[Symbol.asyncDispose]()
})

/** JSON with spaces that a parser would drop. */
const BODY = '{ "total": 12 }'

/** An application that publishes what it is sent. */
function publishing(options: ServePublishOptions) {
  return (request: IncomingMessage, response: ServerResponse): Promise<void> =>
    servePublish(hub, request, response, options)
}

async function post(
  init: RequestInit = {},
): Promise<{ status: number; answer: Record<string, unknown>; stored: readonly string[] }> {
  const response = await fetch(app.url, { method: 'POST', body: BODY, ...init })
  const answer = (await response.json()) as Record<string, unknown>
  const history = await hub.read({ selectors: ['**'], limit: 10 }, new AbortController().signal)
  const stored = 'events' in history ? history.events.map(({ topic, data }) => `${topic} ${data}`) : []
  return { status: response.status, answer, stored }
}

const JSON_BODY = { headers: { 'Content-Type': 'application/json' } }
const BATCH = { headers: { 'Content-Type': 'application/x-ndjson' } }

test.each(Object.keys(FRAMEWORKS))('in %s a publish is stored as it was sent', async (name) => {
  app = await listen(await FRAMEWORKS[name]!(publishing({ topic: 't' })))
  const { status, answer, stored } = await post({ headers: { 'Event-Type': 'paid' } })
  expect([status, answer, stored]).toMatchObject([201, { topic: 't' }, [`t ${BODY}`]])
})

describe('what may be published', () => {
  test('a batch to one topic, whose lines may not name another', async () => {
    app = await listen(publishing({ topic: 't' }))
    expect(await post({ ...BATCH, body: '{"data":"a"}\n{"topic":"t","data":"b"}\n' })).toMatchObject({
      status: 201,
      stored: ['t a', 't b'],
    })
    expect(await post({ ...BATCH, body: '{"topic":"u","data":"c"}\n' })).toMatchObject({
      status: 400,
      answer: { line: 1 },
    })
  })

  test('a batch whose lines name topics that the application chose', async () => {
    app = await listen(publishing({ topics: ['t'], patterns: ['rooms/*'] }))
    const both = '{"topic":"t","data":"a"}\n{"topic":"rooms/1","data":"b"}\n'
    expect(await post({ ...BATCH, body: both })).toMatchObject({ status: 201, stored: ['t a', 'rooms/1 b'] })
    expect(await post({ ...BATCH, body: `${both}{"topic":"u","data":"c"}\n` })).toMatchObject({
      status: 403,
      answer: { code: 'forbidden' },
      stored: ['t a', 'rooms/1 b'],
    })
    expect(await post()).toMatchObject({
      status: 400,
      answer: { code: 'invalid-header', header: 'Content-Type' },
    })
  })

  test.each([
    ['no rule', {}, 403, 'forbidden'],
    ['no topics', { topics: [] }, 403, 'forbidden'],
    ['a name that is a pattern', { topic: 'rooms/*' }, 400, 'invalid-topic'],
    ['a name that is not a topic', { topic: '' }, 400, 'invalid-topic'],
  ])('nothing, with %s', async (_, options, status, code) => {
    app = await listen(publishing(options))
    expect(await post({ ...BATCH, body: '{"topic":"t","data":"a"}\n' })).toMatchObject({
      status,
      answer: { code },
      stored: [],
    })
  })

  test('nothing that a page of another site asks a browser to send', async () => {
    app = await listen(publishing({ topic: 't', allowOrigins: ['https://shop.example'] }))
    const own = new URL(app.url).origin
    for (const headers of [{ Origin: 'https://evil.example' }, { 'Sec-Fetch-Site': 'cross-site' }]) {
      expect(await post({ headers })).toMatchObject({
        status: 403,
        answer: { code: 'cross-origin' },
        stored: [],
      })
    }
    expect(await post({ headers: { Origin: own } })).toMatchObject({ status: 201 })
    expect(await post({ headers: { Origin: 'https://shop.example' } })).toMatchObject({ status: 201 })
  })
})

test('a full disk is told to each publisher, and reported once in a while', async () => {
  const full = new LogError('full', 'The disk is full.')
  const away = await createHub({
    log: { ...createMemoryLog(), append: () => Promise.reject(full) },
    onError: (error) => errors.push(error),
  })
  app = await listen((request, response) => servePublish(away, request, response, { topic: 't' }))
  for (let i = 0; i < 3; i += 1)
    expect((await fetch(app.url, { method: 'POST', body: BODY })).status).toBe(503)
  expect(errors).toEqual([full])
  await away.close()
})

describe('behind a body parser', () => {
  function parsed(parser: RequestHandler): Express {
    return express()
      .use(parser)
      .use((request, response) => servePublish(hub, request, response, { topic: 't' }))
  }

  test.each([
    ['express.json()', express.json(), JSON_BODY],
    [
      'express.urlencoded()',
      express.urlencoded(),
      { headers: { 'Content-Type': 'application/x-www-form-urlencoded' } },
    ],
    ['express.text()', express.text({ type: () => true }), {}],
  ])(
    '%s that has read the request, a publish is refused, and no empty event is stored',
    async (_, parser, init) => {
      app = await listen(parsed(parser))
      expect(await post(init)).toMatchObject({ status: 500, answer: { code: 'body-consumed' }, stored: [] })
      expect(errors).toMatchObject([{ code: 'body-consumed' }])
    },
  )

  test('that read another type, or kept the bytes, a publish is stored as it was sent', async () => {
    app = await listen(parsed(express.json()))
    expect(await post()).toMatchObject({ status: 201, stored: [`t ${BODY}`] })
    await app[Symbol.asyncDispose]()
    app = await listen(parsed(express.raw({ type: () => true })))
    expect(await post(JSON_BODY)).toMatchObject({ status: 201, stored: [`t ${BODY}`, `t ${BODY}`] })
  })
})

test('a handler of history pages through the topics that the application chose, and no others', async () => {
  const { id } = await hub.publish('t', { data: 'a' })
  await hub.publish('u', { data: 'secret' })
  await hub.publish('t', { data: 'b' })
  app = await listen((request, response) =>
    serveHistory(hub, request, response, { topics: request.headers['x-user'] === 'ann' ? ['t'] : [] }),
  )
  const get = async (query: string): Promise<unknown> => {
    const response = await fetch(`${app.url}${query}`, { headers: { 'X-User': 'ann' } })
    return response.json()
  }
  expect(await get('?topic=u&limit=1&page=7')).toMatchObject({ events: [{ id, data: 'a' }] })
  expect(await get(`?from=${id}`)).toMatchObject({ events: [{ data: 'b' }] })
  expect(await get('?limit=0')).toMatchObject({ code: 'invalid-query', parameter: 'limit' })
  expect((await fetch(app.url)).status).toBe(403)
  expect((await fetch(app.url, { method: 'DELETE', headers: { 'X-User': 'ann' } })).status).toBe(405)
})
