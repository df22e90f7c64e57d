import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createAppGate } from '@tailrace/http'
import { createHandler, createHttpServer, takePlainRequests } from '@tailrace/http/node'
import { createWebHandler } from '@tailrace/http/web'
import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { createMemoryLog } from '@tailrace/log'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ROUTES } from './table.ts'

const LIMITS = { maxHeadBytes: 16 * 1024, headTimeoutMs: 5_000, requestTimeoutMs: 5_000 }
const gate = createAppGate({ authorize: () => ({ publish: ['**'], subscribe: ['open/**'] }) })
const onError = console.error

let hub: Hub
let url: string
let transports: string[]
let stop: () => void

beforeEach(async () => {
  hub = await createHub({ log: createMemoryLog(), heartbeatMs: 0 })
  const server = createHttpServer(createHandler(hub, { gate, routes: ROUTES, onError }), LIMITS)
  const front = takePlainRequests(server, hub, LIMITS, { gate, routes: ROUTES, onError })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  transports = []
  stop = () => {
    server.close()
    server.closeAllConnections()
    front.cut()
  }
  await hub.publish([
    { topic: 'open/a', data: 'one' },
    { topic: 'secret', data: 'no' },
  ])
})

afterEach(async () => {
  await hub.close()
  stop()
})

async function* linesOf(response: Response): AsyncGenerator<Record<string, string>> {
  let rest = ''
  for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
    const [last, ...whole] = (rest + text).split('\n').toReversed()
    rest = last!
    for (const line of whole.toReversed()) if (line !== '') yield JSON.parse(line) as Record<string, string>
  }
}

test('an endpoint of its own asks the gate as the others do', async () => {
  expect(await (await fetch(`${url}/count`)).text()).toBe('1\n')
  expect((await fetch(`${url}/count`, { method: 'POST' })).headers.get('allow')).toBe('HEAD, GET, OPTIONS')
})

test('a second protocol streams from the same lanes, and resumes from its own cursors', async () => {
  const response = await fetch(`${url}/lines/open/a`)
  expect(response.headers.get('content-type')).toBe('application/x-ndjson')
  const reading = linesOf(response)
  const { value: first } = await reading.next()
  expect(first).toMatchObject({ topic: 'open/a', data: 'one' })
  await hub.survey(({ reader }) => void transports.push(reader!.transport))
  // Its paths are taken off node:http as those of the first protocol are.
  expect(transports).toEqual(['socket'])
  await hub.publish([{ topic: 'open/a', data: 'two' }])
  expect((await reading.next()).value).toMatchObject({ data: 'two' })
  await reading.return(undefined)

  const resumed = linesOf(await fetch(`${url}/lines/open/a?after=${first!['id']}`))
  expect((await resumed.next()).value).toMatchObject({ data: 'two' })
  await hub.publish([{ topic: 'open/a', data: '', end: true }])
  expect((await resumed.next()).value).toMatchObject({ data: '' })
  expect((await resumed.next()).value).toEqual({ ended: 'open/a' })
  expect((await resumed.next()).done).toBe(true)

  expect(await linesOf(await fetch(`${url}/lines/open/a?after=nonsense`)).next()).toMatchObject({
    value: { gap: 'unknown' },
  })
  expect((await fetch(`${url}/lines/secret`)).status).toBe(403)
})

test('both work where there are only Request and Response', async () => {
  const handle = createWebHandler(hub, { gate, routes: ROUTES, onError })
  const leave = new AbortController()
  const ask = (path: string): Promise<Response> =>
    handle(new Request(`http://localhost${path}`, { signal: leave.signal }))
  expect(await (await ask('/count')).text()).toBe('1\n')
  const reading = linesOf(await ask('/lines/open/a'))
  expect((await reading.next()).value).toMatchObject({ data: 'one' })
  await reading.return(undefined)
})
