import { once } from 'node:events'
import { createServer } from 'node:http'
import type { RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAppGate } from '@tailrace/http'
import { createHandler } from '@tailrace/http/node'
import type { Handler } from '@tailrace/http/node'
import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { createMemoryLog } from '@tailrace/log'
import express from 'express'
import fastify from 'fastify'
import { afterEach, beforeEach, expect, test } from 'vitest'

let hub: Hub
let handler: Handler
let server: Server

beforeEach(async () => {
  hub = await createHub({ log: createMemoryLog() })
  const gate = createAppGate({ authorize: () => ({ publish: ['**'], subscribe: ['**'] }) })
  handler = createHandler(hub, { gate, onError: console.error })
})

afterEach(async () => {
  await hub.close()
  server.closeAllConnections()
  server.close()
})

async function listen(listener: RequestListener): Promise<string> {
  server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

interface Answer {
  readonly status: number
  readonly code: string | undefined
  /** What the hub has stored. */
  readonly stored: readonly string[]
}

/** JSON with spaces that a parser would drop. */
const BODY = '{ "total": 12 }'

async function publish(url: string, contentType: string, body = BODY): Promise<Answer> {
  const response = await fetch(url, { method: 'POST', headers: { 'Content-Type': contentType }, body })
  const { code } = (await response.json()) as { code?: string }
  const history = await hub.read({ selectors: ['**'], limit: 10 }, new AbortController().signal)
  const stored = 'events' in history ? history.events.map(({ data }) => data) : []
  return { status: response.status, code, stored }
}

const REFUSED: Answer = { status: 500, code: 'body-consumed', stored: [] }

test('in Express a publish is stored verbatim, also under a prefix', async () => {
  const url = await listen(express().use('/hub', handler))
  const answer = await publish(`${url}/hub/topics/a`, 'application/json')
  expect(answer).toEqual({ status: 201, code: undefined, stored: [BODY] })
})

test.each([
  ['express.json()', express.json(), 'application/json', BODY],
  [
    'express.urlencoded()',
    express.urlencoded({ extended: false }),
    'application/x-www-form-urlencoded',
    BODY,
  ],
  ['express.text()', express.text({ type: () => true }), 'text/plain', BODY],
  [
    'express.text(), and a batch',
    express.text({ type: () => true }),
    'application/x-ndjson',
    '{"data":"x"}\n',
  ],
])('behind %s a publish is refused, and no empty event is stored', async (_, parser, contentType, body) => {
  const url = await listen(express().use(parser).use(handler))
  expect(await publish(`${url}/topics/a`, contentType, body)).toEqual(REFUSED)
})

test('behind express.raw() a publish is stored verbatim, and held to the bounds of the hub', async () => {
  const raw = express.raw({ type: () => true, limit: '4mb' })
  const url = await listen(express().use(raw).use(handler))
  expect(await publish(`${url}/topics/a`, 'application/json')).toMatchObject({ status: 201, stored: [BODY] })
  const large = await publish(`${url}/topics/a`, 'text/plain', 'x'.repeat(2 * 1024 * 1024))
  expect(large).toEqual({ status: 413, code: 'event-too-large', stored: [BODY] })
})

test('behind a parser that does not read this type, a publish is stored', async () => {
  const url = await listen(express().use(express.json()).use(handler))
  expect(await publish(`${url}/topics/a`, 'text/plain')).toMatchObject({ status: 201, stored: [BODY] })
})

test('in Fastify a publish is refused behind its parsers, and stored verbatim without them', async () => {
  for (const isParsed of [true, false]) {
    const app = fastify()
    if (!isParsed) {
      app.removeAllContentTypeParsers()
      app.addContentTypeParser('*', (_request, _payload, done) => done(null))
    }
    app.all('/*', (request, reply) => {
      reply.hijack()
      handler(request.raw, reply.raw)
    })
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as AddressInfo
    const answer = await publish(`http://127.0.0.1:${port}/topics/a`, 'application/json')
    expect(answer).toEqual(isParsed ? REFUSED : { status: 201, code: undefined, stored: [BODY] })
    app.server.closeAllConnections()
    await app.close()
  }
  server = createServer().listen(0)
})
