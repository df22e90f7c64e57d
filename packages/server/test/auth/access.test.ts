import { openStream, startHub } from '@tailrace/testkit'
import type { HubProcess } from '@tailrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bearer, KEYS, tokenOf } from './tokens.ts'

let hub: HubProcess

beforeAll(async () => {
  hub = await startHub({
    env: KEYS,
    args: ['--allow-origin', 'https://app.example.com', '--cookie', 'session'],
  })
})

afterAll(async () => {
  await hub[Symbol.asyncDispose]()
})

async function ask(
  path: string,
  {
    method = 'GET',
    headers = {},
    body,
  }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<{ status: number; code: string | undefined; headers: Headers; json: Record<string, unknown> }> {
  const init: RequestInit = { method, headers: { Accept: 'application/json', ...headers } }
  if (body !== undefined) init.body = body
  const response = await fetch(`${hub.url}${path}`, init)
  const json = (await response.json().catch(() => ({}))) as Record<string, unknown>
  return {
    status: response.status,
    code: json['code'] as string | undefined,
    headers: response.headers,
    json,
  }
}

describe('a hub with keys', () => {
  test.each([
    ['reads a stream', 'GET', '/topics/a'],
    ['reads many topics', 'GET', '/events?topic=a'],
    ['publishes', 'POST', '/topics/a'],
    ['purges', 'DELETE', '/topics/a'],
    ['lists topics', 'GET', '/topics'],
    ['gets a ticket', 'POST', '/tickets'],
    ['ends a stream', 'DELETE', '/connections/x'],
    ['ends the streams of a subject', 'DELETE', '/connections?subject=ann'],
  ])('refuses whoever %s without a token', async (_, method, path) => {
    const answer = await ask(path, { method, headers: { Accept: 'text/event-stream' } })
    expect(answer).toMatchObject({ status: 401, code: 'missing-token' })
    expect(answer.headers.get('www-authenticate')).toBe('Bearer')
  })

  test('answers probes without a token', async () => {
    for (const path of ['/healthz', '/readyz']) expect((await ask(path)).status).toBe(200)
  })

  test('gives each token what it covers, live and in history, and no more', async () => {
    const token = await tokenOf({ publish: ['a/*'], subscribe: ['a/**'] })
    const headers = bearer(token)
    expect((await ask('/topics/a/1', { method: 'POST', headers, body: 'x' })).status).toBe(201)
    expect(await ask('/topics/b', { method: 'POST', headers, body: 'x' })).toMatchObject({
      status: 403,
      code: 'forbidden',
    })
    expect((await ask('/topics/a/1?from=start', { headers })).json['events']).toHaveLength(1)
    for (const path of ['/topics/b', '/events?topic=a/1&topic=b', '/events?topic=**', '/events?topic=*/1']) {
      expect(await ask(path, { headers })).toMatchObject({ status: 403 })
      const asStream = { ...headers, Accept: 'text/event-stream' }
      expect(await ask(path, { headers: asStream })).toMatchObject({ status: 403 })
    }
    expect((await ask('/topics/a/1', { method: 'DELETE', headers })).code).toBe('forbidden')
  })

  test('refuses a batch of which one line is not covered, all of it', async () => {
    const headers = bearer(await tokenOf({ publish: ['batch/a'], subscribe: ['**'] }))
    const answer = await ask('/topics', {
      method: 'POST',
      headers: { ...headers, 'Content-Type': 'application/x-ndjson' },
      body: '{"topic":"batch/a","data":"1"}\n{"topic":"batch/b","data":"2"}\n',
    })
    expect(answer).toMatchObject({ status: 403 })
    expect((await ask('/topics/batch/a?from=start', { headers })).json['events']).toEqual([])
  })

  test('lets only an administrator purge', async () => {
    const headers = bearer(await tokenOf({ publish: ['**'], subscribe: ['**'], admin: true }))
    await ask('/topics/purged', { method: 'POST', headers, body: 'x' })
    expect((await ask('/topics/purged', { method: 'DELETE', headers })).status).toBe(204)
  })

  test('ends a stream with the token that opened it, and says so', async () => {
    const token = await tokenOf({ subscribe: ['a'] }, { expiresInS: -28 })
    const stream = await openStream(`${hub.url}/topics/a`, { headers: bearer(token) })
    await stream.ended
    expect(stream.isComplete()).toBe(true)
    expect(stream.text()).toContain('event: tailrace.error\ndata: {"code":"token-expired"}')
    expect((await ask('/topics/a', { headers: bearer(await tokenOf({}, { expiresInS: -60 })) })).code).toBe(
      'token-expired',
    )
  })
})

describe('a cookie', () => {
  test('is a token like any other for a read', async () => {
    const Cookie = `other=1; session=${await tokenOf({ subscribe: ['c'] })}`
    expect((await ask('/topics/c?from=start', { headers: { Cookie } })).status).toBe(200)
  })

  test('does not write for a page of another site', async () => {
    const Cookie = `session=${await tokenOf({ publish: ['c'] })}`
    const write = (headers: Record<string, string>) =>
      ask('/topics/c', { method: 'POST', headers: { Cookie, ...headers }, body: 'x' })
    expect(await write({ Origin: 'https://evil.example' })).toMatchObject({
      status: 403,
      code: 'cross-origin',
    })
    expect(await write({ Origin: 'null' })).toMatchObject({ code: 'cross-origin' })
    expect((await write({ Origin: hub.url })).status).toBe(201)
    expect((await write({ Origin: 'https://app.example.com' })).status).toBe(201)
  })
})

describe('pages of other origins', () => {
  test('that are allowed may read, with credentials', async () => {
    const headers = { Origin: 'https://app.example.com', ...bearer(await tokenOf({ subscribe: ['a'] })) }
    for (const Accept of ['application/json', 'text/event-stream']) {
      const response = await fetch(`${hub.url}/topics/a`, { headers: { ...headers, Accept } })
      expect(response.headers.get('access-control-allow-origin')).toBe('https://app.example.com')
      expect(response.headers.get('access-control-allow-credentials')).toBe('true')
      expect(response.headers.get('vary')).toContain('Origin')
      await response.body?.cancel()
    }
  })

  test('that are not get nothing that would let them', async () => {
    const { headers } = await ask('/topics/a', { headers: { Origin: 'https://evil.example' } })
    expect(headers.get('access-control-allow-origin')).toBeNull()
    expect(headers.get('vary')).toContain('Origin')
  })

  test('may ask first, and are told what they may send and for how long', async () => {
    const { status, headers } = await ask('/topics/a', {
      method: 'OPTIONS',
      headers: {
        Origin: 'https://app.example.com',
        'Access-Control-Request-Method': 'GET',
        'Access-Control-Request-Headers': 'authorization,last-event-id',
      },
    })
    expect(status).toBe(204)
    expect(headers.get('access-control-allow-headers')).toMatch(/Authorization.*Last-Event-ID/)
    expect(headers.get('access-control-allow-methods')).toContain('POST')
    expect(Number(headers.get('access-control-max-age'))).toBeGreaterThan(0)
  })
})
