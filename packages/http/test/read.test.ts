import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startServing } from './serving.ts'
import type { Serving } from './serving.ts'

let serving: Serving

beforeEach(async () => {
  serving = await startServing()
})

afterEach(async () => {
  await serving[Symbol.asyncDispose]()
})

async function publish(topic: string, ...data: readonly string[]): Promise<string[]> {
  const published = await serving.hub.publish(data.map((one) => ({ topic, data: one })))
  return published.map(({ id }) => id)
}

interface Page {
  readonly events: readonly { readonly data: string }[]
  readonly next: string
}

async function get(
  path: string,
): Promise<{ status: number; type: string | null; body: Page & Record<string, unknown> }> {
  const response = await fetch(`${serving.url}${path}`, { headers: { Accept: 'application/json' } })
  const body = (await response.json()) as Page & Record<string, unknown>
  return { status: response.status, type: response.headers.get('content-type'), body }
}

describe('history as JSON', () => {
  test('comes a page at a time, each of which names the next', async () => {
    await publish('t', 'a', 'b', 'c', 'd', 'e')
    const seen: string[][] = []
    let from = 'start'
    do {
      const { status, type, body } = await get(`/topics/t?limit=2&from=${from}`)
      expect([status, type]).toEqual([200, 'application/json'])
      expect(Object.keys(body)).toEqual(['events', 'next'])
      seen.push(body.events.map(({ data }) => data))
      from = body.next
    } while (seen.at(-1)!.length > 0)
    expect(seen).toEqual([['a', 'b'], ['c', 'd'], ['e'], []])
  })

  test('is there for many selectors', async () => {
    await publish('a/1', 'x')
    await publish('b', 'y')
    const { body } = await get('/events?topic=a/*&topic=b')
    expect(body.events.map(({ data }) => data)).toEqual(['x', 'y'])
  })

  test('of a topic that nobody published to is empty', async () => {
    expect(await get('/topics/nothing')).toMatchObject({ status: 200, body: { events: [] } })
  })

  test('answers HEAD with the head of the page', async () => {
    const url = `${serving.url}/topics/t`
    const response = await fetch(url, { method: 'HEAD', headers: { Accept: 'application/json' } })
    expect([response.status, await response.text()]).toEqual([200, ''])
    expect(Number(response.headers.get('content-length'))).toBeGreaterThan(10)
  })

  test('waits for an event that is to come', async () => {
    const { body: now } = await get('/topics/t?from=now')
    const waiting = get(`/topics/t?wait=30&from=${now.next}`)
    const ids = await publish('t', 'here')
    const { body } = await waiting
    expect(body.events).toMatchObject([{ data: 'here', id: ids[0] }])
    expect(body.next).toBe(ids[0])
  })

  test('comes at once when there is something, however long it may wait', async () => {
    await publish('t', 'here')
    expect((await get('/topics/t?wait=55')).body.events).toHaveLength(1)
  })

  test('is empty when nothing came in time', async () => {
    expect((await get('/topics/t?wait=1')).body.events).toEqual([])
  })

  test('answers 410 with the facts of the gap', async () => {
    const ids = await publish('t', 'a', 'b', 'c')
    await serving.log.retention!.trim([{ selector: '**', maxCount: 1 }], Date.now())
    for (const [from, reason] of [
      [ids[0]!, 'expired'],
      ['otherlife.3', 'epoch'],
      ['nonsense', 'unknown'],
    ] as const) {
      expect(await get(`/topics/t?from=${from}`)).toEqual({
        status: 410,
        type: 'application/problem+json',
        body: {
          type: 'urn:tailrace:problem:cursor-gone',
          title: expect.any(String),
          status: 410,
          code: 'cursor-gone',
          detail: expect.any(String),
          reason,
          from,
          oldest: ids[2],
        },
      })
    }
  })
})

describe('the list of topics', () => {
  beforeEach(async () => {
    for (const topic of ['b', 'orders/2', 'a', 'orders/1', 'ordersx']) await publish(topic, 'x')
    await serving.hub.publish([{ topic: 'orders/3', data: '', end: true }])
  })

  test('is in order, and says which have ended', async () => {
    expect((await get('/topics')).body).toEqual({
      topics: [
        { topic: 'a', ended: false, events: 1, bytes: 1 },
        { topic: 'b', ended: false, events: 1, bytes: 1 },
        { topic: 'orders/1', ended: false, events: 1, bytes: 1 },
        { topic: 'orders/2', ended: false, events: 1, bytes: 1 },
        { topic: 'orders/3', ended: true, events: 1, bytes: 0 },
        { topic: 'ordersx', ended: false, events: 1, bytes: 1 },
      ],
    })
  })

  test('comes a page at a time, under a prefix', async () => {
    const first = await get('/topics?prefix=orders/&limit=2')
    expect(first.body).toMatchObject({
      topics: [{ topic: 'orders/1' }, { topic: 'orders/2' }],
      next: 'orders/2',
    })
    const second = await get('/topics?prefix=orders/&limit=2&after=orders/2')
    expect(second.body).toEqual({ topics: [{ topic: 'orders/3', ended: true, events: 1, bytes: 0 }] })
  })

  test('of nothing is empty', async () => {
    expect((await get('/topics?prefix=zzz')).body).toEqual({ topics: [] })
  })
})

test('a topic is deleted once', async () => {
  await publish('t', 'a')
  const remove = (): Promise<Response> => fetch(`${serving.url}/topics/t`, { method: 'DELETE' })
  const first = await remove()
  expect([first.status, await first.text()]).toEqual([204, ''])
  expect((await get('/topics/t')).body.events).toEqual([])
  expect((await get('/topics')).body).toEqual({ topics: [] })
  const second = await remove()
  expect([second.status, await second.json()]).toMatchObject([404, { code: 'unknown-topic' }])
})

describe('health', () => {
  test('a hub whose log is fine is healthy and ready', async () => {
    expect(await get('/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } })
    expect(await get('/readyz')).toMatchObject({ status: 200, body: { status: 'ready' } })
  })

  test('a hub whose log is closed is healthy and not ready', async () => {
    await serving.log.close()
    expect(await get('/healthz')).toMatchObject({ status: 200 })
    expect(await get('/readyz')).toMatchObject({ status: 503, body: { code: 'closed' } })
    expect(serving.errors).toHaveLength(1)
  })
})

describe('methods', () => {
  test.each([
    ['/topics/t', 'HEAD, GET, POST, DELETE, OPTIONS'],
    ['/topics', 'HEAD, GET, POST, OPTIONS'],
    ['/events', 'HEAD, GET, OPTIONS'],
    ['/healthz', 'HEAD, GET, OPTIONS'],
    ['/readyz', 'HEAD, GET, OPTIONS'],
  ])('%s takes %s', async (path, allowed) => {
    const asked = await fetch(`${serving.url}${path}`, { method: 'OPTIONS' })
    expect([asked.status, asked.headers.get('allow'), await asked.text()]).toEqual([204, allowed, ''])
    const refused = await fetch(`${serving.url}${path}`, { method: 'PATCH', body: 'x' })
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, allowed])
    expect(await refused.json()).toMatchObject({ code: 'method-not-allowed' })
  })
})
