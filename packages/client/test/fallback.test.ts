import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { publish, subscribe } from '@tailrace/client'
import { startHub } from '@tailrace/testkit'
import type { HubProcess } from '@tailrace/testkit'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startScripted, stream } from './scripted-server.ts'

let hub: HubProcess

beforeEach(async () => {
  hub = await startHub()
})

afterEach(async () => {
  await hub[Symbol.asyncDispose]()
})

interface Proxy extends AsyncDisposable {
  readonly url: string
  readonly seen: string[]
  isBuffering: boolean
}

/** A proxy that passes a response on once it has all of it, as those do that buffer: a stream never comes. */
async function startBufferingProxy(target: string): Promise<Proxy> {
  const seen: string[] = []
  const proxy = { isBuffering: true, seen }
  const server = createServer((request, response) => {
    const accept = request.headers.accept ?? ''
    seen.push(accept)
    const options = { method: request.method, headers: request.headers }
    const onward = httpRequest(`${target}${request.url}`, options, (answer) => {
      const send = (): void => void response.writeHead(answer.statusCode!, answer.headers)
      if (!proxy.isBuffering) {
        send()
        answer.pipe(response)
        return
      }
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('end', () => {
        send()
        response.end(Buffer.concat(chunks))
      })
    })
    response.on('close', () => onward.destroy())
    onward.on('error', () => response.destroy())
    request.pipe(onward)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return Object.assign(proxy, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
    },
  })
}

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
