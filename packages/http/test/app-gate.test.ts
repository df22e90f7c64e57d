import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { createAppGate } from '@tailrace/http'
import type { AppGateOptions } from '@tailrace/http'
import { createHandler } from '@tailrace/http/node'
import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { createMemoryLog } from '@tailrace/log'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

let hub: Hub
let url: string
let stop: () => Promise<void>

async function mount(options?: AppGateOptions): Promise<unknown[]> {
  const errors: unknown[] = []
  const gate = options === undefined ? undefined : createAppGate(options)
  const server = createServer(createHandler(hub, { gate, onError: (error) => errors.push(error) }))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  stop = async () => {
    server.close()
    server.closeAllConnections()
  }
  return errors
}

beforeEach(async () => {
  hub = await createHub({ log: createMemoryLog() })
})

afterEach(async () => {
  await hub.close()
  await stop()
})

/** The status, and the code of a refusal. `fetch` lets nobody choose `Host`. */
async function ask(method: string, path: string, headers: Record<string, string> = {}): Promise<unknown> {
  const asking = request(`${url}${path}`, { method, headers: { Accept: 'application/json', ...headers } })
  asking.end(method === 'POST' ? 'x' : undefined)
  const [answer] = (await once(asking, 'response')) as [IncomingMessage]
  if (answer.statusCode === 204) return 204
  return ((await json(answer)) as { code?: string }).code ?? answer.statusCode
}

describe('without a gate', () => {
  beforeEach(() => mount())

  test('anyone on this machine may read', async () => {
    await hub.publish([{ topic: 'a', data: 'x' }])
    expect(await ask('GET', '/topics/a')).toBe(200)
    const stream = await fetch(`${url}/topics/a?from=start`)
    await hub.publish([{ topic: 'a', data: '', end: true }])
    expect(await stream.text()).toContain('data: x\n')
  })

  test('nobody may publish, purge or see connections', async () => {
    expect(await ask('POST', '/topics/a')).toBe('forbidden')
    expect(await ask('POST', '/topics', { 'Content-Type': 'application/x-ndjson' })).toBe('forbidden')
    expect(await ask('DELETE', '/topics/a')).toBe('forbidden')
    expect(await ask('GET', '/connections')).toBe('forbidden')
    expect(await ask('POST', '/tickets')).toBe('missing-token')
  })

  test('a name that may have been made to lead here is not answered', async () => {
    expect(await ask('GET', '/topics/a', { Host: 'evil.example' })).toBe('foreign-host')
    expect(await ask('GET', '/topics/a', { Host: 'localhost:1' })).toBe(200)
  })
})

describe('with a gate', () => {
  test('a request may do what the application allows, and no more', async () => {
    await mount({
      authorize: (facts) =>
        facts.header('x-user') === 'ann' ? { publish: ['chat/*'], subscribe: ['**'] } : {},
    })
    const ann = { 'X-User': 'ann' }
    expect(await ask('POST', '/topics/chat/1', ann)).toBe(201)
    expect(await ask('POST', '/topics/other', ann)).toBe('forbidden')
    expect(await ask('GET', '/topics/chat/1', ann)).toBe(200)
    expect(await ask('DELETE', '/topics/chat/1', ann)).toBe('forbidden')
    expect(await ask('GET', '/topics/chat/1')).toBe('forbidden')
    expect(await ask('POST', '/topics/chat/1')).toBe('forbidden')
  })

  test('a page of another site can neither publish nor purge, unless its origin is listed', async () => {
    await mount({
      authorize: () => ({ publish: ['**'], subscribe: ['**'], admin: true }),
      allowOrigins: ['https://app.example'],
    })
    for (const Origin of ['https://evil.example', 'null']) {
      expect(await ask('POST', '/topics/a', { Origin })).toBe('cross-origin')
      expect(await ask('DELETE', '/topics/a', { Origin })).toBe('cross-origin')
    }
    expect(await ask('POST', '/topics/a', { 'Sec-Fetch-Site': 'cross-site' })).toBe('cross-origin')
    expect(await ask('POST', '/topics/a', { Origin: 'https://app.example' })).toBe(201)
    expect(await ask('POST', '/topics/a', { Origin: url })).toBe(201)
    expect(await ask('DELETE', '/topics/a')).toBe(204)
  })

  test('only the names that are listed are answered', async () => {
    await mount({ authorize: () => ({ subscribe: ['**'] }), hosts: ['app.example'] })
    expect(await ask('GET', '/topics/a', { Host: 'app.example:8080' })).toBe(200)
    expect(await ask('GET', '/topics/a', { Host: 'evil.example' })).toBe('foreign-host')
  })

  test('a stream ends when the application said that it does', async () => {
    await mount({ authorize: () => ({ subscribe: ['**'], expiresAt: Date.now() + 300 }) })
    const stream = await fetch(`${url}/topics/a`)
    expect(await stream.text()).toMatch(/event: tailrace[.]error\ndata: {"code":"token-expired"}\n\n$/)
  })

  test('rights that are not to the letter are none, and the application hears of it', async () => {
    const errors = await mount({ authorize: () => ({ subscribe: ['a//b'] }) })
    expect(await ask('GET', '/topics/a')).toBe('internal')
    expect(String(errors[0])).toContain('a//b')
  })
})
