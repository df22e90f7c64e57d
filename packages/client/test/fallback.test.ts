import { publish, subscribe } from '@tailrace/client'
import { startHub } from '@tailrace/testkit'
import type { HubProcess } from '@tailrace/testkit'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startBufferingProxy } from './buffering-proxy.ts'
import { startScripted, stream } from './scripted-server.ts'

/** For all tests, each of which has topics of its own. */
let hub: HubProcess

beforeAll(async () => {
  hub = await startHub()
})

afterAll(async () => {
  await hub[Symbol.asyncDispose]()
})

const QUICK = { initialDelayMs: 0, maxDelayMs: 0, openTimeoutMs: 500 }

test('behind a proxy that buffers, events come by polling, all of them and once', async () => {
  await using proxy = await startBufferingProxy(hub.url)
  const told: string[] = []
  let count = 0
  for await (const item of subscribe(`${proxy.url}/topics/behind`, QUICK)) {
    told.push(item.kind === 'event' ? item.data : item.kind)
    if (item.kind !== 'live' && item.kind !== 'event') continue
    if (item.kind === 'event' && (count += 1) === 5) break
    await publish(`${hub.url}/topics/behind`, { data: `event ${count}` })
  }
  expect(told).toEqual(['reconnecting', 'reconnecting', 'live', ...[0, 1, 2, 3, 4].map((i) => `event ${i}`)])
  expect(proxy.seen.slice(0, 3)).toEqual(['text/event-stream', 'text/event-stream', 'application/json'])
})

test('it goes on from the place that it had', async () => {
  await using proxy = await startBufferingProxy(hub.url)
  const first = await publish(`${hub.url}/topics/goes-on`, { data: 'seen' })
  await publish(`${hub.url}/topics/goes-on`, [{ data: 'one\r\ntwo', type: 'paid' }, { data: 'three' }])
  const told: unknown[] = []
  for await (const item of subscribe(`${proxy.url}/topics/goes-on`, { ...QUICK, lastEventId: first.id })) {
    if (item.kind === 'event') told.push([item.type, item.data])
    if (item.kind === 'live') break
  }
  // Line ends as a stream would have them.
  expect(told).toEqual([
    ['paid', 'one\ntwo'],
    ['message', 'three'],
  ])
})

test('a place that is gone is told as a gap, and what is left follows', async () => {
  await using proxy = await startBufferingProxy(hub.url)
  await publish(`${hub.url}/topics/gone`, { data: 'left' })
  const told: string[] = []
  for await (const item of subscribe(`${proxy.url}/topics/gone`, { ...QUICK, lastEventId: 'other.7' })) {
    if (item.kind === 'gap') told.push(`gap ${item.reason} ${item.from}`)
    if (item.kind === 'event') told.push(item.data)
    if (item.kind === 'live') break
  }
  expect(told).toEqual(['gap epoch other.7', 'left'])
})

test('what was seen before a gap does not come again, as with a stream', async () => {
  await using proxy = await startBufferingProxy(hub.url)
  await publish(`${hub.url}/topics/gap/a`, { data: 'seen' })
  const { id } = await publish(`${hub.url}/topics/gap/a`, { data: 'seen as well' })
  await publish(`${hub.url}/topics/gap/b`, { data: 'purged' })
  await publish(`${hub.url}/topics/gap/a`, { data: 'left' })
  await fetch(`${hub.url}/topics/gap/b`, { method: 'DELETE' })
  const stories: string[][] = []
  for (const { url } of [hub, proxy]) {
    const told: string[] = []
    for await (const item of subscribe(`${url}/events?topic=gap/a&topic=gap/b`, {
      ...QUICK,
      lastEventId: id,
    })) {
      if (item.kind === 'gap') told.push('gap')
      if (item.kind === 'event') told.push(item.data)
      if (item.kind === 'live') break
    }
    stories.push(told)
  }
  expect(stories).toEqual([
    ['gap', 'left'],
    ['gap', 'left'],
  ])
})

test('a place beyond the newest event is told as unknown, and what is new is not dropped', async () => {
  await using proxy = await startBufferingProxy(hub.url)
  const { id } = await publish(`${hub.url}/topics/beyond`, { data: 'old' })
  const beyond = id.replace(/\d+$/, (offset) => String(Number(offset) + 100))
  const stories: string[][] = []
  for (const { url } of [hub, proxy]) {
    const told: string[] = []
    for await (const item of subscribe(`${url}/topics/beyond`, { ...QUICK, lastEventId: beyond })) {
      if (item.kind === 'gap') told.push(item.reason)
      if (item.kind === 'event') told.push(item.data)
      if (item.kind === 'live') await publish(`${hub.url}/topics/beyond`, { data: 'new' })
      if (item.kind === 'event' && item.data === 'new') break
    }
    stories.push(told)
  }
  expect(stories).toEqual([
    ['unknown', 'old', 'new'],
    ['unknown', 'old', 'new'],
  ])
})

test('nothing is handed on after close, even of a page that is here already', async () => {
  await using proxy = await startBufferingProxy(hub.url)
  await publish(`${hub.url}/topics/close`, [{ data: '1' }, { data: '2' }, { data: '3' }])
  const subscription = subscribe(`${proxy.url}/topics/close?from=start`, QUICK)
  const seen: string[] = []
  subscription.on('message', ({ data }) => {
    seen.push(data)
    subscription.close()
  })
  await subscription.closed
  expect(seen).toEqual(['1'])
})

/** The pages of a hub whose streams are held up, each with one event. */
const PAGES = [1, 2].map((i) => `{"events":[{"id":"e.${i}","topic":"t","data":"${i}"}],"next":"e.${i}"}`)

test('a token that expires while it polls is made anew, and it polls on', async () => {
  let polls = 0
  await using server = await startScripted((response, { headers }) => {
    if (headers.accept !== 'application/json') return
    polls += 1
    if (polls === 2) response.writeHead(401).end('{}')
    else response.end(PAGES[polls === 1 ? 0 : 1])
  })
  const asked: boolean[] = []
  const headers = (refused: boolean): HeadersInit => {
    asked.push(refused)
    return {}
  }
  const seen: string[] = []
  for await (const item of subscribe(server.url, { ...QUICK, headers })) {
    if (item.kind === 'event' && seen.push(item.data) === 2) break
  }
  expect(seen).toEqual(['1', '2'])
  // Two streams and two polls; with the new token the stream is held up again.
  expect(asked.slice(0, 6)).toEqual([false, false, false, false, true, false])
})

test('a page that comes starts the delays over', async () => {
  const random = vi.spyOn(Math, 'random').mockReturnValue(0.5)
  let polls = 0
  await using server = await startScripted((response, { headers }) => {
    if (headers.accept !== 'application/json') return
    if ((polls += 1) === 1) response.end(PAGES[0])
    else response.writeHead(503).end()
  })
  const delays: number[] = []
  for await (const item of subscribe(server.url, { ...QUICK, initialDelayMs: 2, maxDelayMs: 40 })) {
    if (item.kind === 'reconnecting' && delays.push(item.delayMs) === 3) break
  }
  random.mockRestore()
  expect(delays).toEqual([1, 20, 1])
})

test('a server that knows no pages and takes its time is waited for', async () => {
  await using server = await startScripted((response, { headers }, index) => {
    if (headers.accept === 'application/json') response.writeHead(406).end('<p>no')
    else {
      stream(response)
      if (index === 3) setTimeout(() => response.end('data: late\n\n'), 3 * QUICK.openTimeoutMs)
    }
  })
  for await (const item of subscribe(server.url, QUICK)) {
    if (item.kind === 'event') {
      expect(item.data).toBe('late')
      break
    }
  }
  expect(server.requests.map(({ headers }) => headers.accept)).toEqual([
    'text/event-stream',
    'text/event-stream',
    'application/json',
    'text/event-stream',
  ])
})

test.each([
  ['JSON of its own', 200, 'application/json', '{"hello":1}'],
  ['a refusal', 406, 'application/problem+json', '{"status":406}'],
  ['a page', 404, 'text/html', '<p>no'],
])(
  'a server that is no hub and answers a poll with %s is asked for streams again',
  async (_, status, type, body) => {
    await using server = await startScripted((response, { headers }, index) => {
      if (headers.accept === 'application/json')
        response.writeHead(status, { 'Content-Type': type }).end(body)
      else if (index > 2) stream(response, 'data: late\n\n')
    })
    for await (const item of subscribe(server.url, QUICK)) {
      if (item.kind === 'event') break
    }
    expect(server.requests.at(-1)!.headers.accept).toBe('text/event-stream')
  },
)

test('what only a stream has is never polled for', async () => {
  await using server = await startScripted((response, _, index) => {
    if (index > 3) stream(response, 'data: late\n\n')
  })
  for await (const item of subscribe(`${server.url}?snapshot=true`, QUICK)) {
    if (item.kind === 'event') break
  }
  expect(new Set(server.requests.map(({ headers }) => headers.accept))).toEqual(
    new Set(['text/event-stream']),
  )
})
