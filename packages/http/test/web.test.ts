import { createAppGate } from '@tailrace/http'
import { createWebHandler } from '@tailrace/http/web'
import type { WebHandler } from '@tailrace/http/web'
import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { createMemoryLog, LogError } from '@tailrace/log'
import type { CompleteEventLog } from '@tailrace/log'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

let log: CompleteEventLog
let hub: Hub
let handle: WebHandler
let errors: unknown[]

beforeEach(async () => {
  log = createMemoryLog()
  hub = await createHub({ log, heartbeatMs: 0 })
  errors = []
  handle = handlerOf(hub)
})

afterEach(() => hub.close())

function handlerOf(on: Hub): WebHandler {
  const gate = createAppGate({
    authorize: ({ header }) => ({
      publish: ['t', 'u'],
      subscribe: ['t', 'u'],
      admin: header('x-admin') === 'yes',
    }),
  })
  return createWebHandler(on, { gate, prefix: '/hub', onError: (error) => errors.push(error) })
}

function ask(path: string, init: RequestInit = {}): Promise<Response> {
  return handle(new Request(`http://localhost/hub${path}`, init), '192.0.2.1')
}

async function openConnections(): Promise<number> {
  let count = 0
  await hub.survey(() => void (count += 1))
  return count
}

const JSON_ONLY = { headers: { Accept: 'application/json' } }

describe('a handler of Request and Response', () => {
  test('publishes one event and batches, and pages through them', async () => {
    const one = await ask('/topics/t', {
      method: 'POST',
      body: '{ "a": 1 }',
      headers: { 'Event-Key': Buffer.from('é').toString('latin1') },
    })
    expect([one.status, one.headers.get('content-type')]).toEqual([201, 'application/json'])
    const batch = await ask('/topics', {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-ndjson' },
      body: '{"topic":"t","data":"two"}\n{"topic":"u","data":"three"}\n',
    })
    expect(await batch.json()).toMatchObject({ events: [{ topic: 't' }, { topic: 'u' }] })
    const { id } = (await one.json()) as { id: string }
    const page = await ask('/topics/t?limit=1', JSON_ONLY)
    expect(await page.json()).toMatchObject({ events: [{ id, data: '{ "a": 1 }' }], next: id })
    const rest = await ask(`/topics/t?from=${id}`, JSON_ONLY)
    expect(await rest.json()).toMatchObject({ events: [{ data: 'two' }] })
  })

  test('streams a large page as its reader takes it', async () => {
    const data = 'é"\n'.repeat(50_000)
    await hub.publish(Array.from({ length: 3 }, () => ({ topic: 't', data })))
    const page = (await (await ask('/topics/t', JSON_ONLY)).json()) as { events: { data: string }[] }
    expect(page.events.map((event) => event.data === data)).toEqual([true, true, true])
  })

  test('opens streams, resumes them, and ends one that has been seen with 204', async () => {
    const response = await ask('/topics/t?from=start')
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(response.headers.get('vary')).toContain('Accept')
    const [published] = await hub.publish([{ topic: 't', data: 'x', end: true }])
    const text = await response.text()
    expect(text).toContain('event: tailrace.end')
    expect(await openConnections()).toBe(0)
    const again = await ask('/topics/t', { headers: { 'Last-Event-ID': published!.id } })
    expect([again.status, await again.text()]).toEqual([204, ''])
  })

  test('lets go of a reader whose request is aborted, and of one that stops reading', async () => {
    const leave = new AbortController()
    await ask('/topics/t', { signal: leave.signal })
    const other = await ask('/topics/t')
    await expect.poll(openConnections).toBe(2)
    leave.abort()
    await other.body!.cancel()
    await expect.poll(openConnections).toBe(0)
  })

  test('answers HEAD without a body, and OPTIONS with what there is', async () => {
    const head = await ask('/topics/t', { method: 'HEAD', headers: { Accept: 'text/event-stream' } })
    expect([head.status, head.headers.get('content-type'), await head.text()]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
      '',
    ])
    const options = await ask('/topics', { method: 'OPTIONS' })
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'HEAD, GET, POST, OPTIONS'])
  })

  test.each([
    ['/nothing', {}, 404, 'not-found'],
    ['/topics/t', { method: 'PUT' }, 405, 'method-not-allowed'],
    ['/topics/v', { method: 'POST', body: 'x' }, 403, 'forbidden'],
    ['/topics/t', { method: 'DELETE' }, 403, 'forbidden'],
    ['/topics/t', { method: 'DELETE', headers: { 'X-Admin': 'yes' } }, 404, 'unknown-topic'],
    [
      '/topics/t',
      { method: 'POST', body: 'x', headers: { Origin: 'https://evil.example' } },
      403,
      'cross-origin',
    ],
    ['/topics/t', { method: 'POST', body: new Uint8Array([0xff]) }, 400, 'invalid-utf8'],
    ['/topics/t?x=1', {}, 400, 'invalid-query'],
    ['/topics/t', { headers: { Accept: 'text/html' } }, 406, 'not-acceptable'],
  ])('rejects what asks %s with %j: %i %s', async (path, init, status, code) => {
    const response = await ask(path, init)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect([response.status, await response.json()]).toMatchObject([status, { code }])
    expect(errors).toEqual([])
  })

  test('sends a reader of streams away until later when the log cannot be read', async () => {
    const broken = new LogError('unwritable', 'The disk is gone.')
    await using away = {
      hub: await createHub({
        log: { ...log, topics: { ...log.topics, ended: () => Promise.reject(broken) } },
      }),
      [Symbol.asyncDispose]: () => away.hub.close(),
    }
    const request = new Request('http://localhost/hub/topics/t', { headers: { Accept: 'text/event-stream' } })
    const response = await handlerOf(away.hub)(request)
    expect([response.status, await response.text()]).toEqual([
      200,
      expect.stringMatching(/^retry: \d+\n\nevent: tailrace.error\ndata: {"code":"log-unavailable"}\n\n$/),
    ])
    expect(errors).toEqual([broken])
  })

  test('answers neither yes nor no when nobody knows whether a publish was stored', async () => {
    const unknown = new LogError('outcome-unknown', 'The log is gone.')
    await using away = {
      hub: await createHub({ log: { ...log, append: () => Promise.reject(unknown) } }),
      [Symbol.asyncDispose]: () => away.hub.close(),
    }
    const request = new Request('http://localhost/hub/topics/t', { method: 'POST', body: 'x' })
    await expect(handlerOf(away.hub)(request)).rejects.toThrow('cut')
  })
})
