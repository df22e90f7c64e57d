import { readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { spawnCli, startFlakyProxy, tempDir } from '@tailrace/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectCounter } from './mcp-client.ts'
import { startMcp } from './mcp-server.ts'

const ROOT = join(import.meta.dirname, '../../..')
const PROGRAM = fileURLToPath(new URL('programs/serve-until-killed.ts', import.meta.url))

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

/** Writes the module with `restore` that the guide shows. Resolves with its path. */
async function writeRestore(dir: string): Promise<string> {
  const guide = await readFile(join(ROOT, 'docs/guides/mcp.md'), 'utf8')
  const [code] = [...guide.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].flatMap(([, sample]) =>
    sample!.includes('function restore') ? [sample!] : [],
  )
  await symlink(join(ROOT, 'node_modules'), join(dir, 'node_modules'))
  await writeFile(join(dir, 'package.json'), '{ "type": "module" }')
  const path = join(dir, 'restore.ts')
  await writeFile(path, code!)
  return path
}

test('a server that was killed continues a session as the guide shows, where its client was', async () => {
  using dir = tempDir()
  const log = `sqlite:${join(dir.path, 'events.db')}`
  const restore = await writeRestore(dir.path)
  await using first = spawnCli([log, '0', 'a-session'], { main: PROGRAM })
  const port = await first.nextLine()
  await using proxy = await startFlakyProxy({ host: '127.0.0.1', port: Number(port) })
  await using counter = await connectCounter(proxy.url)
  first.stdin.write('1\n')
  await expect.poll(() => counter.numbers).toEqual([1])
  proxy.interrupt()
  first.stdin.write('2\n3\n')
  for (const number of ['1', '2', '3']) expect(await first.nextLine()).toBe(number)
  await first.kill('SIGKILL')

  await using second = spawnCli([log, port, 'a-session', restore], { main: PROGRAM })
  expect(await second.nextLine()).toBe(port)
  second.stdin.write('4\n')
  expect(await second.nextLine()).toBe('4')
  proxy.refuse(false)
  await expect.poll(() => counter.numbers).toEqual([1, 2, 3, 4])
  second.stdin.write('5\n')
  await expect.poll(() => counter.numbers).toEqual([1, 2, 3, 4, 5])
  // Answered by the server of the guide.
  await counter.client.ping()
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
