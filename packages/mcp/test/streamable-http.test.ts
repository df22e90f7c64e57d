import { join } from 'node:path'
import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { startFlakyProxy, tempDir } from '@tailrace/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectCounter } from './mcp-client.ts'
import { startMcp } from './mcp-server.ts'

let hub: Hub

beforeAll(async () => {
  hub = await createHub({ log: 'memory:' })
})

afterAll(() => hub.close())

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i)

test('what a tool sends while the connection is cut arrives once and in order, and so does its result', async () => {
  let resume!: () => void
  const isCut = new Promise<void>((resolve) => (resume = resolve))
  async function* groups(): AsyncGenerator<readonly number[]> {
    yield range(1, 3)
    await isCut
    yield range(4, 50)
  }
  await using host = await startMcp(hub, { groups: groups() })
  await using proxy = await startFlakyProxy({ host: '127.0.0.1', port: host.port })
  await using counter = await connectCounter(proxy.url, (number) => {
    if (number !== 3) return
    proxy.interrupt()
    resume()
  })
  const result = counter.client.callTool({ name: 'count', arguments: { last: 50 } })
  await isCut
  // All of it is stored before the client may return.
  await expect.poll(() => storedBy(hub)).toContain('"data":50')
  expect(counter.numbers).toEqual([1, 2, 3])
  proxy.refuse(false)
  expect(await result).toMatchObject({ content: [{ text: 'counted to 50' }] })
  expect(counter.numbers).toEqual(range(1, 50))
  expect(proxy.faults().cut).toBeGreaterThan(0)
})

async function storedBy(of: Hub): Promise<string> {
  const page = await of.read({ selectors: ['mcp/**'], limit: 1_000 }, new AbortController().signal)
  return 'gap' in page ? '' : page.events.map(({ data }) => data).join('\n')
}

test('what the server sends on its own while the connection is cut arrives once and in order', async () => {
  await using host = await startMcp(hub)
  await using proxy = await startFlakyProxy({ host: '127.0.0.1', port: host.port })
  await using counter = await connectCounter(proxy.url)
  const { server } = host.sessions.get(counter.session)!
  const announce = (data: number): Promise<void> => server.sendLoggingMessage({ level: 'info', data })
  await announce(1)
  await expect.poll(() => counter.numbers).toEqual([1])
  proxy.interrupt()
  for (const number of range(2, 30)) await announce(number)
  proxy.refuse(false)
  await expect.poll(() => counter.numbers).toEqual(range(1, 30))
  await announce(31)
  await expect.poll(() => counter.numbers).toEqual(range(1, 31))
})

test('messages that are sent while a client resumes arrive once', async () => {
  await using host = await startMcp(hub)
  await using proxy = await startFlakyProxy({ host: '127.0.0.1', port: host.port })
  await using counter = await connectCounter(proxy.url)
  const { server } = host.sessions.get(counter.session)!
  let sent = 0
  async function announce(count: number): Promise<void> {
    for (let i = 0; i < count; i += 1) await server.sendLoggingMessage({ level: 'info', data: (sent += 1) })
  }
  for (let round = 1; round <= 10; round += 1) {
    await announce(1)
    await expect.poll(() => counter.numbers.length).toBe(sent)
    proxy.cutAll()
    await announce(10)
    await expect.poll(() => proxy.connections()).toBeGreaterThan(0)
    await announce(10)
    await expect.poll(() => counter.numbers.length).toBe(sent)
  }
  expect(counter.numbers).toEqual(range(1, sent))
})

test('another session cannot resume with an id, and learns nothing from the refusal', async () => {
  await using host = await startMcp(hub)
  const url = `http://127.0.0.1:${host.port}`
  await using ada = await connectCounter(url)
  await using eve = await connectCounter(url)
  const { store } = host.sessions.get(ada.session)!
  const id = await store.storeEvent('_GET_stream', { jsonrpc: '2.0', method: 'notifications/first' })
  await store.storeEvent('_GET_stream', { jsonrpc: '2.0', method: 'notifications/secret' })
  const resume = async (session: string, lastEventId: string): Promise<{ status: number; text: string }> => {
    const response = await fetch(url, {
      headers: { Accept: 'text/event-stream', 'Mcp-Session-Id': session, 'Last-Event-ID': lastEventId },
    })
    return { status: response.status, text: await response.text() }
  }
  const refusal = await resume(eve.session, id)
  expect(refusal.status).toBe(400)
  expect(refusal).toEqual(await resume(eve.session, 'abcdefgh.12345678'))
  expect(refusal).toEqual(await resume(eve.session, '../../x'))
})

test('after a restart of the server, a session continues where its client was', async () => {
  using dir = tempDir()
  const log = `sqlite:${join(dir.path, 'events.db')}`
  const first = await createHub({ log })
  const host = await startMcp(first)
  await using proxy = await startFlakyProxy({ host: '127.0.0.1', port: host.port })
  await using counter = await connectCounter(proxy.url)
  const { server } = host.sessions.get(counter.session)!
  await server.sendLoggingMessage({ level: 'info', data: 1 })
  await expect.poll(() => counter.numbers).toEqual([1])
  proxy.interrupt()
  await server.sendLoggingMessage({ level: 'info', data: 2 })
  await server.sendLoggingMessage({ level: 'info', data: 3 })
  await host[Symbol.asyncDispose]()
  await first.close()

  const second = await createHub({ log })
  await using restarted = await startMcp(second, { port: host.port })
  await restarted.restore(counter.session)
  const restored = restarted.sessions.get(counter.session)!
  await restored.server.sendLoggingMessage({ level: 'info', data: 4 })
  proxy.refuse(false)
  await expect.poll(() => counter.numbers).toEqual([1, 2, 3, 4])
  await restored.server.sendLoggingMessage({ level: 'info', data: 5 })
  await expect.poll(() => counter.numbers).toEqual([1, 2, 3, 4, 5])
  await second.close()
})

test('nothing remains of a session that its client has ended', async () => {
  const own = await createHub({ log: 'memory:' })
  await using host = await startMcp(own)
  await using counter = await connectCounter(`http://127.0.0.1:${host.port}`)
  await host.sessions.get(counter.session)!.server.sendLoggingMessage({ level: 'info', data: 'last words' })
  await expect.poll(() => counter.numbers).toEqual(['last words'])
  expect(await storedBy(own)).toContain('last words')
  await counter.terminate()
  expect(await storedBy(own)).toBe('')
  await own.close()
})
