import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { buffer } from 'node:stream/consumers'
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { createCompression } from '@tailrace/http/node'
import { createWebHandler } from '@tailrace/http/web'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Budget } from '../../src/budget.ts'
import { OPEN_GATE } from '../../src/gate.ts'
import { startServing } from '../serving.ts'
import type { Serving } from '../serving.ts'

const DECODE: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  zstd: zstdDecompressSync,
  br: brotliDecompressSync,
  gzip: gunzipSync,
  identity: (bytes) => bytes,
}
const MIB = 1024 * 1024

interface Page {
  readonly events: readonly unknown[]
}

let serving: Serving

beforeEach(async () => {
  serving = await startServing({ compression: createCompression() })
})

afterEach(async () => {
  await serving[Symbol.asyncDispose]()
})

async function fill(topic: string, bytes: number, hub = serving.hub): Promise<void> {
  const event = { topic, data: 'The order is paid, packed and shipped. '.repeat(100) }
  await hub.publish(Array.from({ length: Math.ceil(bytes / event.data.length) }, () => event))
}

/** The head of an answer, whose body was not read yet. */
async function ask(
  path: string,
  encoding: string,
  url = serving.url,
  method = 'GET',
): Promise<IncomingMessage> {
  const headers = { accept: 'application/json', 'accept-encoding': encoding }
  const sent = request(`${url}${path}`, { headers, method, agent: false }).end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  return response
}

async function read(response: IncomingMessage): Promise<{ coding: string; text: string; bytes: number }> {
  const coding = response.headers['content-encoding'] ?? 'identity'
  const bytes = await buffer(response)
  return { coding, text: DECODE[coding]!(bytes).toString(), bytes: bytes.length }
}

describe('a page of history', () => {
  test.each(['zstd', 'br', 'gzip'])('is what it would be without %s, and smaller', async (name) => {
    await fill('t', 2 * MIB)
    const { coding, text, bytes } = await read(await ask('/topics/t?from=start&limit=1000', name))
    expect(coding).toBe(name)
    expect(bytes).toBeLessThan(text.length / 20)
    const { events } = JSON.parse(text) as Page
    const plain = await read(await ask('/topics/t?from=start&limit=1000', 'identity'))
    // How much is on a page depends on how fast the log was read.
    const count = Math.min(events.length, (JSON.parse(plain.text) as Page).events.length)
    expect(count).toBeGreaterThan(0)
    expect((JSON.parse(plain.text) as Page).events.slice(0, count)).toEqual(events.slice(0, count))
  })

  test('says how long it is if it is short', async () => {
    await fill('t', 10_000)
    const response = await ask('/topics/t?from=start', 'gzip')
    expect(response.headers['content-encoding']).toBe('gzip')
    expect(response.headers.vary).toContain('Accept-Encoding')
    expect(response.headers['content-length']).toBe(String((await read(response)).bytes))
  })

  test('of less than a kibibyte is not compressed', async () => {
    await serving.hub.publish('t', { data: 'x'.repeat(1000) })
    const response = await ask('/topics/t?from=start', 'gzip')
    expect(response.headers['content-encoding']).toBeUndefined()
    expect(response.headers.vary).toContain('Accept-Encoding')
    expect((await read(response)).text).toContain('xxx')
  })

  test('is compressed for HEAD without a body', async () => {
    await fill('t', 2 * MIB)
    const response = await ask('/topics/t?from=start&limit=1000', 'gzip', serving.url, 'HEAD')
    expect(response.headers['content-encoding']).toBe('gzip')
    expect(await buffer(response)).toHaveLength(0)
  })
})

test('a list of topics is compressed', async () => {
  for (let i = 0; i < 40; i += 1) await serving.hub.publish(`orders/${i}`, { data: 'x' })
  const response = await ask('/topics', 'br')
  expect(response.headers['content-encoding']).toBe('br')
  expect((JSON.parse((await read(response)).text) as { topics: unknown[] }).topics).toHaveLength(40)
})

test('with Request and Response, a page is compressed as well', async () => {
  await fill('t', 2 * MIB)
  const { hub } = serving
  const compression = createCompression()
  const handler = createWebHandler(hub, { gate: OPEN_GATE, compression, onError: () => undefined })
  const response = await handler(
    new Request('http://hub/topics/t?from=start&limit=1000', {
      headers: { accept: 'application/json', 'accept-encoding': 'zstd' },
    }),
  )
  expect(response.headers.get('content-encoding')).toBe('zstd')
  const text = zstdDecompressSync(Buffer.from(await response.arrayBuffer())).toString()
  expect((JSON.parse(text) as Page).events.length).toBeGreaterThan(0)
})

describe('pages that many clients ask for at once', () => {
  test('are sent as they are beyond the eighth, until one is complete or its client has left', async () => {
    const compression = createCompression()
    await using busy = await startServing({ compression })
    await fill('t', 2 * MIB, busy.hub)
    const codingOfNext = async (): Promise<string | undefined> => {
      const response = await ask('/topics/t?from=start&limit=1000', 'gzip', busy.url)
      response.destroy()
      return response.headers['content-encoding']
    }
    const open = Array.from({ length: 8 }, () => compression.pages()[0]!.encode(['x'].values()))
    expect(await codingOfNext()).toBeUndefined()
    await open[0]!.return()
    // Each of them leaves in the middle of its answer.
    for (let i = 0; i < 10; i += 1) await expect.poll(codingOfNext).toBe('gzip')
    await Promise.all(open.map((one) => one.return()))
  })

  test('are sent as they are if there is no memory left to compress them', async () => {
    const pages = new Budget('max-history', 8 * MIB)
    await using small = await startServing({ compression: createCompression(), gate: { pages } })
    await fill('t', 1.2 * MIB, small.hub)
    const first = await ask('/topics/t?from=start&limit=1000', 'gzip', small.url)
    expect(first.headers['content-encoding']).toBeUndefined()
    expect((await read(first)).text).toContain('paid')
    await expect.poll(() => pages.used).toBe(0)
  })
})
