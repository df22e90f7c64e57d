import { publish, subscribe } from '@tailrace/client'
import { startHub } from '@tailrace/testkit'
import type { HubProcess } from '@tailrace/testkit'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startBufferingProxy } from './buffering-proxy.ts'
import { startScripted, stream } from './scripted-server.ts'

let hub: HubProcess

beforeEach(async () => {
  hub = await startHub()
})

afterEach(async () => {
  await hub[Symbol.asyncDispose]()
})

const QUICK = { initialDelay: 0, maxDelay: 0, openTimeout: 150 }

test('behind a proxy that buffers, events come by polling, all of them and once', async () => {
  await using proxy = await startBufferingProxy(hub.url)
  const told: string[] = []
  let count = 0
  for await (const item of subscribe(`${proxy.url}/topics/t`, QUICK)) {
    told.push(item.kind === 'event' ? item.data : item.kind)
    if (item.kind !== 'live' && item.kind !== 'event') continue
    if (item.kind === 'event' && (count += 1) === 5) break
    await publish(`${hub.url}/topics/t`, { data: `event ${count}` })
  }
  expect(told).toEqual(['reconnecting', 'reconnecting', 'live', ...[0, 1, 2, 3, 4].map((i) => `event ${i}`)])
  expect(proxy.seen.slice(0, 3)).toEqual(['text/event-stream', 'text/event-stream', 'application/json'])
})

test('it goes on from the place that it had', async () => {
  await using proxy = await startBufferingProxy(hub.url)
  const first = await publish(`${hub.url}/topics/t`, { data: 'seen' })
  await publish(`${hub.url}/topics/t`, [{ data: 'one\r\ntwo', type: 'paid' }, { data: 'three' }])
  const told: unknown[] = []
  for await (const item of subscribe(`${proxy.url}/topics/t`, { ...QUICK, lastEventId: first.id })) {
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
  await publish(`${hub.url}/topics/t`, { data: 'left' })
  const told: string[] = []
  for await (const item of subscribe(`${proxy.url}/topics/t`, { ...QUICK, lastEventId: 'other.7' })) {
    if (item.kind === 'gap') told.push(`gap ${item.reason} ${item.from}`)
    if (item.kind === 'event') told.push(item.data)
    if (item.kind === 'live') break
  }
  expect(told).toEqual(['gap epoch other.7', 'left'])
})

test('a server that knows no pages and takes its time is waited for', async () => {
  await using server = await startScripted((response, { headers }, index) => {
    if (headers.accept === 'application/json') response.writeHead(406).end('<p>no')
    else {
      stream(response)
      if (index === 3) setTimeout(() => response.end('data: late\n\n'), 3 * QUICK.openTimeout)
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
