import { getEventListeners } from 'node:events'
import type { ServeOptions } from '@tailrace/http'
import { respond, respondHistory, respondPublish } from '@tailrace/http/web'
import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

let hub: Hub
/** What the hub reported. */
let errors: unknown[] = []

beforeAll(async () => {
  hub = await createHub({ log: 'memory:', heartbeatMs: 0, onError: (error) => errors.push(error) })
})

afterAll(() => hub.close())

const URL_OF_APP = 'http://localhost/events'

function ask(options: ServeOptions, init: RequestInit = {}, query = ''): Promise<Response> {
  return respond(hub, new Request(`${URL_OF_APP}${query}`, init), options)
}

async function openStreams(): Promise<number> {
  let count = 0
  await hub.survey(() => void (count += 1))
  return count
}

describe('respond', () => {
  test('streams the topics that the application chose, from where a reader was', async () => {
    const first = await hub.publish('a', { data: 'one' })
    const last = await hub.publish('a', { data: 'two', end: true })
    const response = await ask(
      { topics: ['a'] },
      { headers: { 'Last-Event-ID': first.id } },
      '?topic=b&page=2',
    )
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    const text = await response.text()
    expect(text).not.toContain('one')
    expect(text).toContain(`data: two\nid: ${last.id}`)
    expect(text).toContain('event: tailrace.end')
    expect((await ask({ topics: ['a'] }, { headers: { 'Last-Event-ID': last.id } })).status).toBe(204)
    expect(await openStreams()).toBe(0)
  })

  test('lets go of a reader whose request is aborted, was aborted before, or that stops reading', async () => {
    const leave = new AbortController()
    await ask({ topics: ['b'] }, { signal: leave.signal })
    const other = await ask({ topics: ['b'] })
    expect(await openStreams()).toBe(2)
    leave.abort()
    await other.body!.cancel()
    expect(await openStreams()).toBe(0)
    await ask({ topics: ['b'] }, { signal: AbortSignal.abort() })
    expect(await openStreams()).toBe(0)
  })

  test('tells a reader whose rights were withdrawn before it came, and refuses one whose rights have ended', async () => {
    const withdrawn = await ask({ topics: ['b'], signal: AbortSignal.abort() })
    expect([withdrawn.status, await withdrawn.text()]).toEqual([
      200,
      expect.stringMatching(/^retry: \d+\n\nevent: tailrace.error\ndata: {"code":"revoked"}\n\n$/),
    ])
    const inSeconds = Math.floor(Date.now() / 1000) + 3600
    const ended = await ask({ topics: ['b'], until: inSeconds })
    expect([ended.status, await ended.json()]).toMatchObject([
      401,
      { code: 'token-expired', detail: expect.stringContaining('ended at 1970-01-') },
    ])
    expect(await openStreams()).toBe(0)
  })

  test.each([Number.NaN, '2099-01-01', new Date(), null])(
    'opens no stream until %j, which no time is after',
    async (until) => {
      await expect(ask({ topics: ['b'], until: until as number })).rejects.toThrow('`until` must be a number')
      expect(await openStreams()).toBe(0)
    },
  )

  test.each([
    [{ topics: ['b'], gap: 'skip' as 'live' }, RangeError, 'gap must be replay or live or snapshot or close'],
    [{ topics: ['b'], conflateMs: 5 }, RangeError, 'conflate must be a time from 10ms'],
    [
      { topics: ['b'], from: 'start', snapshot: () => ({ data: 's' }) },
      RangeError,
      'snapshot cannot be combined',
    ],
    [{ topics: 'b' as unknown as string[] }, TypeError, '`topics` must be an array of strings, got "b"'],
    [{ patterns: [undefined as unknown as string] }, TypeError, '`patterns` must be an array of strings'],
  ])('leaves a mistake of the application to it: %j', async (options, kind, message) => {
    const { signal } = new AbortController()
    const request = new Proxy(new Request(URL_OF_APP), {
      // A request whose signal lives on, as some servers have it.
      get: (target, name) => (name === 'signal' ? signal : (Reflect.get(target, name, target) as unknown)),
    })
    const failure = await respond(hub, request, options).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(kind)
    expect((failure as Error).message).toContain(message)
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  test('honours where a request starts, whatever the application chose for others', async () => {
    await hub.publish('e', { key: 'k', data: 'old' })
    const last = await hub.publish('e', { key: 'k', data: 'new', end: true })
    const received = async (options: Partial<ServeOptions>, query: string): Promise<unknown> => {
      const response = await ask({ topics: ['e'], ...options }, {}, query)
      return [response.status, (await response.text()).match(/^data: \w+$/gm)]
    }
    const [all, newest] = [
      [200, ['data: old', 'data: new']],
      [200, ['data: new']],
    ]
    expect(await received({ snapshot: true }, '')).toEqual(newest)
    expect(await received({ snapshot: true }, '?from=start')).toEqual(all)
    expect(await received({ snapshot: true }, '?from=now')).toEqual(newest)
    expect(await received({ from: 'start' }, '?snapshot=true')).toEqual(newest)
    expect(await received({ from: 'start' }, '?snapshot=false')).toEqual(all)
    expect(await received({ snapshot: true }, `?lastEventId=${last.id}`)).toEqual([204, null])
  })

  test('answers HEAD and OPTIONS, and refuses what the application did not choose', async () => {
    const head = await ask({ topics: ['b'] }, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-type'), await head.text()]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
      '',
    ])
    expect((await ask({ topics: ['b'] }, { method: 'OPTIONS' })).headers.get('allow')).toBe(
      'HEAD, GET, OPTIONS',
    )
    const refused = await ask({ topics: [] })
    expect([refused.status, await refused.json()]).toMatchObject([403, { code: 'forbidden' }])
  })
})

describe('respondPublish and respondHistory', () => {
  test('a page of a one-off stream contains its opening, which streams do not', async () => {
    await hub.stream('s').end({ data: 'last' })
    const page = await respondHistory(hub, new Request(URL_OF_APP), { topics: ['s'] })
    const { events } = (await page.json()) as { events: object[] }
    expect(events).toMatchObject([
      { type: 'tailrace.opened', key: 'tailrace.opened' },
      { topic: 's', data: 'last' },
    ])
    const url = `${URL_OF_APP}?from=start`
    const text = await (await respond(hub, new Request(url), { topics: ['s'] })).text()
    expect(text).toContain('data: last\n')
    expect(text).not.toContain('tailrace.opened')
  })

  test('store a publish as it was sent, and page through what was stored', async () => {
    const request = new Request(URL_OF_APP, { method: 'POST', body: '{ "a": 1 }' })
    const published = await respondPublish(hub, request, { topic: 'c' })
    expect([published.status, await published.json()]).toMatchObject([201, { topic: 'c' }])
    const page = await respondHistory(hub, new Request(URL_OF_APP), { topics: ['c'] })
    expect(await page.json()).toMatchObject({ events: [{ topic: 'c', data: '{ "a": 1 }' }] })
  })

  test('are closed without a rule', async () => {
    const publish = new Request(URL_OF_APP, { method: 'POST', body: 'x' })
    expect((await respondPublish(hub, publish, {})).status).toBe(403)
    expect((await respondHistory(hub, new Request(URL_OF_APP), {})).status).toBe(403)
  })

  test('refuse a request whose body the application has read, and store no empty event', async () => {
    errors = []
    const read = new Request(URL_OF_APP, { method: 'POST', body: 'x' })
    await read.text()
    const locked = new Request(URL_OF_APP, { method: 'POST', body: 'x' })
    locked.body!.getReader()
    for (const request of [read, locked]) {
      const response = await respondPublish(hub, request, { topic: 'd' })
      expect([response.status, await response.json()]).toMatchObject([500, { code: 'body-consumed' }])
    }
    // Twice in a row would flood a log.
    expect(errors).toMatchObject([{ code: 'body-consumed' }])
    const history = await hub.read({ selectors: ['d'] }, new AbortController().signal)
    expect(history).toMatchObject({ events: [] })
  })
})
