import { startHub } from '@tailrace/testkit'
import { afterEach, expect, test, vi } from 'vitest'
import { publish, subscribe } from '@tailrace/client'
import { startScripted } from './scripted-server.ts'
import type { ScriptedServer } from './scripted-server.ts'

let server: ScriptedServer | undefined

afterEach(async () => {
  await server?.[Symbol.asyncDispose]()
})

test('an event and a batch are published, and read back', async () => {
  await using hub = await startHub()
  const one = await publish(`${hub.url}/topics/t`, { data: 'first', type: 'paid', key: 'k' })
  const two = await publish(`${hub.url}/topics`, [
    { topic: 't', data: 'second' },
    { topic: 't', data: '', end: true },
  ])
  expect([one.topic, two.map(({ topic }) => topic)]).toEqual(['t', ['t', 't']])
  const seen: string[] = []
  for await (const item of subscribe(`${hub.url}/topics/t?from=start`)) {
    seen.push(item.kind === 'event' ? `${item.type}: ${item.data} ${item.id}` : item.kind)
  }
  expect(seen).toEqual([
    `paid: first ${one.id}`,
    `message: second ${two[0]!.id}`,
    `message:  ${two[1]!.id}`,
    'live',
    'end',
  ])
})

test('a value that is no string is published as its JSON text', async () => {
  await using hub = await startHub()
  interface Paid {
    readonly total: number
  }
  const paid: Paid = { total: 12 }
  await publish(`${hub.url}/topics/t`, [{ data: paid }, { data: [1, null] }, { data: '{"as": "is"}' }])
  const seen: string[] = []
  for await (const item of subscribe(`${hub.url}/topics/t?from=start`)) {
    if (item.kind === 'live') break
    if (item.kind === 'event') seen.push(item.data)
  }
  expect(seen).toEqual(['{"total":12}', '[1,null]', '{"as": "is"}'])
})

test('an answer that is lost is asked for again with the same keys', async () => {
  server = await startScripted((response, _, index) => {
    if (index === 0) response.destroy()
    else if (index === 1) response.writeHead(503, { 'Retry-After': '0' }).end('{}')
    else response.writeHead(201).end('{"events":[{"id":"e.1","topic":"t"}]}')
  })
  expect(await publish(server.url, { data: 'x' })).toEqual({ id: 'e.1', topic: 't' })
  const keys = server.requests.map(
    ({ body }) => (JSON.parse(body) as { idempotencyKey: string }).idempotencyKey,
  )
  expect(keys).toHaveLength(3)
  expect(new Set(keys).size).toBe(1)
})

test('an answer that is cut off is asked for again with the same key', async () => {
  const answer = '{"events":[{"id":"e.1","topic":"t"}]}'
  server = await startScripted((response, _, index) => {
    response.writeHead(201, { 'Content-Length': answer.length })
    if (index === 0) response.write(answer.slice(0, 10), () => response.destroy())
    else response.end(answer)
  })
  expect(await publish(server.url, { data: 'x' })).toEqual({ id: 'e.1', topic: 't' })
  expect(server.requests[1]!.body).toBe(server.requests[0]!.body)
})

test('each event has an idempotency key: its own, or one for this call', async () => {
  server = await startScripted((response, { body }) => {
    const events = body.split('\n').map(() => ({ id: 'e.1', topic: 't' }))
    response.writeHead(201).end(JSON.stringify({ events }))
  })
  // Pages that came by `http:` have no such function.
  const randomUUID = vi.spyOn(crypto, 'randomUUID').mockImplementation(() => {
    throw new Error('missing')
  })
  const event = { data: 'x', idempotencyKey: undefined }
  await publish(server.url, [event, event, { data: 'x', idempotencyKey: 'mine' }])
  await publish(server.url, event)
  randomUUID.mockRestore()
  const keys = server.requests
    .flatMap(({ body }) => body.split('\n'))
    .map((line) => (JSON.parse(line) as { idempotencyKey?: string }).idempotencyKey)
  expect(keys[2]).toBe('mine')
  expect(keys).not.toContain(undefined)
  expect(new Set(keys).size).toBe(4)
})

test('headers that cannot be had are tried for again, and told as what they are', async () => {
  const cause = new Error('the token server is away')
  let calls = 0
  const headers = (): never => {
    calls += 1
    throw cause
  }
  const publishing = publish('http://127.0.0.1:1/', { data: 'x' }, { maxAttempts: 2, headers })
  await expect(publishing).rejects.toMatchObject({ code: 'headers', cause })
  expect(calls).toBe(2)
})

test('a signal ends the wait for headers that never come', async () => {
  const abort = new AbortController()
  const headers = (): Promise<never> => {
    setImmediate(() => abort.abort(new Error('enough')))
    return new Promise(() => {})
  }
  const publishing = publish('http://127.0.0.1:1/', { data: 'x' }, { headers, signal: abort.signal })
  await expect(publishing).rejects.toThrow('enough')
})

test('a refusal is told with the hub’s words, at once', async () => {
  await using hub = await startHub()
  const refusal = publish(`${hub.url}/topics/t`, { data: 'x', type: 'tailrace.no' })
  await expect(refusal).rejects.toMatchObject({
    code: 'status',
    status: 400,
    problem: { code: 'reserved-type' },
  })
})

test('nobody there is told after the last attempt, and a signal ends the attempts', async () => {
  await expect(publish('http://127.0.0.1:1/', { data: 'x' }, { maxAttempts: 1 })).rejects.toMatchObject({
    code: 'network',
  })
  const signal = AbortSignal.abort(new Error('enough'))
  await expect(publish('http://127.0.0.1:1/', { data: 'x' }, { signal })).rejects.toThrow('enough')
})
