import { afterEach, describe, expect, test } from 'vitest'
import { ClientError, json, subscribe, validated } from '@tailrace/client'
import type { Item, SubscribeOptions } from '@tailrace/client'
import { startScripted, stream } from './scripted-server.ts'
import type { Script, ScriptedServer } from './scripted-server.ts'

let server: ScriptedServer

afterEach(async () => {
  await server?.[Symbol.asyncDispose]()
})

/** Quick, and in order: each reconnection at once. */
const QUICK: SubscribeOptions = { initialDelayMs: 0, maxDelayMs: 0 }

async function start(script: Script): Promise<string> {
  server = await startScripted(script)
  return server.url
}

type TextItem = Item<Record<string, string>>

/** What comes until an event says `done`. */
async function collect(url: string, options: SubscribeOptions = {}): Promise<TextItem[]> {
  const items: TextItem[] = []
  for await (const item of subscribe(url, { ...QUICK, ...options })) {
    if (item.kind === 'event' && item.data === 'done') break
    items.push(item)
  }
  return items
}

function story(items: readonly TextItem[]): string[] {
  return items.map((item) => (item.kind === 'event' ? item.data : item.kind))
}

test('iterating gives events and what happens to the connection, and break closes it', async () => {
  let isClosed = false
  const url = await start((response) => {
    response.on('close', () => (isClosed = true))
    stream(
      response,
      'event: tailrace.live\ndata: {}\nid: e.1\n\nevent: paid\ndata: 12\nid: e.2\ntopic: o/1\nkey: k\n\ndata: done\n\n',
    )
  })
  expect(await collect(url)).toEqual([
    { kind: 'live', id: 'e.1' },
    {
      kind: 'event',
      type: 'paid',
      data: '12',
      id: 'e.2',
      topic: 'o/1',
      key: 'k',
      remove: false,
      time: undefined,
    },
  ])
  await expect.poll(() => isClosed).toBe(true)
})

test('listeners get the events of their type, and a subscription without any does not connect', async () => {
  const url = await start((response) =>
    stream(response, 'event: paid\ndata: 1\n\nevent: other\ndata: 2\n\nevent: paid\ndata: 3\n\n'),
  )
  const subscription = subscribe<{ paid: string }>(url)
  await new Promise(setImmediate)
  expect(server.requests).toHaveLength(0)
  const paid: string[] = []
  await new Promise<void>((resolve) => {
    subscription.on('paid', ({ data }) => {
      paid.push(data)
      if (paid.length === 2) resolve()
    })
  })
  subscription.close()
  await subscription.closed
  expect(paid).toEqual(['1', '3'])
})

describe('a lost connection', () => {
  test('is opened again from the last id, and what comes twice is given once', async () => {
    const url = await start((response, _, index) => {
      if (index === 0) stream(response).end('id: e.1\ndata: 1\n\nid: e.2\ndata: 2\n\nid: e.3\ndata: half')
      else stream(response, 'id: e.2\ndata: 2\n\nid: e.3\ndata: 3\n\ndata: done\n\n')
    })
    expect(story(await collect(url))).toEqual(['1', '2', 'reconnecting', '3'])
    expect(server.requests[1]!.headers['last-event-id']).toBe('e.2')
  })

  test('a server that gives all events of a connection one id loses none of them', async () => {
    const url = await start((response) =>
      stream(response, 'id: v1\ndata: a\n\nid: v1\ndata: b\n\ndata: done\n\n'),
    )
    expect(story(await collect(url))).toEqual(['a', 'b'])
  })

  test.each([408, 425, 429, 500, 502, 503, 504])('a %s is passing', async (status) => {
    const url = await start((response, _, index) => {
      if (index === 0) response.writeHead(status, { 'Retry-After': '0' }).end()
      else stream(response, 'data: done\n\n')
    })
    const [item] = await collect(url)
    expect(item).toMatchObject({ kind: 'reconnecting', error: { code: 'status', status } })
  })

  test.each([400, 403, 404, 410])('a %s is for good', async (status) => {
    const url = await start((response) => response.writeHead(status).end())
    await expect(collect(url)).rejects.toMatchObject({ code: 'status', status })
    expect(server.requests).toHaveLength(1)
  })

  test('another type than a stream is for good', async () => {
    const url = await start((response) =>
      response.writeHead(200, { 'Content-Type': 'text/html' }).end('<p>no'),
    )
    await expect(collect(url)).rejects.toBeInstanceOf(ClientError)
    expect(server.requests).toHaveLength(1)
  })

  test('Retry-After is waited for', async () => {
    const url = await start((response, _, index) => {
      if (index === 0) response.writeHead(503, { 'Retry-After': '1' }).end()
      else stream(response, 'data: done\n\n')
    })
    const [item] = await collect(url)
    expect((item as { delayMs: number }).delayMs).toBeGreaterThanOrEqual(1000)
  })

  test('onError decides otherwise', async () => {
    const url = await start((response, _, index) => {
      if (index === 0) response.writeHead(404).end()
      else response.writeHead(500).end()
    })
    const onError = (error: ClientError): 'retry' | 'stop' =>
      error.code === 'status' && error.status === 404 ? 'retry' : 'stop'
    await expect(collect(url, { onError })).rejects.toMatchObject({ status: 500 })
    expect(server.requests).toHaveLength(2)
  })

  test('what follows an event that was refused is not lost when the caller goes on', async () => {
    const url = await start((response, _, index) =>
      stream(
        response,
        `id: 1\ndata: 1\n\nid: 2\ndata: ${index === 0 ? '{' : '2'}\n\nid: 3\ndata: 3\n\n${index === 0 ? '' : 'event: end\ndata: 0\n\n'}`,
      ),
    )
    const got: unknown[] = []
    const options = { ...QUICK, decode: json, onError: () => 'retry' as const }
    for await (const item of subscribe<{ message: number; end: number }>(url, options)) {
      if (item.kind === 'event' && item.type === 'end') break
      if (item.kind === 'event') got.push(item.data)
    }
    expect(got).toEqual([1, 2, 3])
  })

  test('a delay that no timer could hold is clamped', async () => {
    const url = await start((response) => stream(response).end())
    const subscription = subscribe(url, { onError: () => Infinity })
    const delayMs = await new Promise((resolve) =>
      subscription.onStatus((status) => status.kind === 'reconnecting' && resolve(status.delayMs)),
    )
    subscription.close()
    expect(delayMs).toBe(2 ** 31 - 1)
  })

  test('a stream that ends at once for ever is asked for less and less often', async () => {
    const url = await start((response) => stream(response).end())
    const bounds: number[] = []
    for await (const item of subscribe(url, { initialDelayMs: 1, maxDelayMs: 4 })) {
      if (item.kind === 'reconnecting') bounds.push(item.delayMs)
      if (bounds.length === 6) break
    }
    expect(Math.max(...bounds)).toBeLessThanOrEqual(4)
    expect(server.requests).toHaveLength(6)
  })
})

describe('the end', () => {
  test('is told, and there is no other connection', async () => {
    const url = await start((response) =>
      stream(response).end('data: last\n\nevent: tailrace.end\ndata: {"topic":"t"}\nid: e.9\n\n'),
    )
    const items = await collect(url)
    expect(items.at(-1)).toEqual({ kind: 'end', topic: 't' })
    expect(server.requests).toHaveLength(1)
  })

  test('is also what a 204 means', async () => {
    const url = await start((response) => response.writeHead(204).end())
    expect(await collect(url)).toEqual([{ kind: 'end', topic: undefined }])
  })
})

test('a gap is told with its facts', async () => {
  const url = await start((response) =>
    stream(
      response,
      'event: tailrace.gap\ndata: {"reason":"expired","from":"e.1","oldest":"e.5"}\nid: e.1\n\ndata: done\n\n',
    ),
  )
  expect(await collect(url)).toEqual([{ kind: 'gap', reason: 'expired', from: 'e.1', oldest: 'e.5' }])
})

describe('requests', () => {
  test('any method and body, again on each attempt', async () => {
    const url = await start((response, _, index) => {
      if (index < 2) stream(response).end('data: x\n\n')
      else stream(response, 'data: done\n\n')
    })
    await collect(url, { method: 'REPORT', body: '{"prompt":"hi"}' })
    expect(server.requests.map(({ method, body }) => [method, body])).toEqual(
      [1, 2, 3].map(() => ['REPORT', '{"prompt":"hi"}']),
    )
  })

  test('headers are made anew for each attempt', async () => {
    let count = 0
    const url = await start((response, _, index) => {
      if (index < 2) stream(response).end()
      else stream(response, 'data: done\n\n')
    })
    await collect(url, { headers: async () => ({ Authorization: `Bearer ${(count += 1)}` }) })
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer 1',
      'Bearer 2',
      'Bearer 3',
    ])
  })

  test('a function for headers that fails is asked again, and one that never answers is given up', async () => {
    const url = await start((response) => stream(response, 'data: done\n\n'))
    let calls = 0
    const headers = async (): Promise<HeadersInit> => {
      calls += 1
      if (calls === 1) throw new Error('the token server is away')
      return calls === 2 ? new Promise(() => {}) : {}
    }
    const items = await collect(url, { headers, openTimeoutMs: 50 })
    expect(items).toMatchObject([{ error: { code: 'headers' } }, { error: { code: 'open-timeout' } }])
    expect(server.requests).toHaveLength(1)
  })

  test('an initial place is sent, in UTF-8', async () => {
    const url = await start((response) => stream(response, 'data: done\n\n'))
    await collect(url, { lastEventId: 'é…' })
    expect(Buffer.from(server.requests[0]!.headers['last-event-id'] as string, 'latin1').toString()).toBe(
      'é…',
    )
  })

  test('a stream as a body is refused: it could be sent once', () => {
    const body = new ReadableStream() as never
    expect(() => subscribe('http://localhost/', { method: 'POST', body })).toThrow(/body/)
  })
})

describe('data', () => {
  const isNumber = {
    '~standard': {
      version: 1 as const,
      vendor: 'test',
      validate: (value: unknown) =>
        typeof value === 'number' ? { value } : { issues: [{ message: 'no number' }] },
    },
  }

  test('is text, or JSON where it was asked for', async () => {
    const script: Script = (response) =>
      stream(response, 'data: {"a":1}\n\nevent: tailrace.end\ndata: {}\n\n')
    const url = await start(script)
    const [text] = await collect(url)
    expect(text).toMatchObject({ data: '{"a":1}' })
    for await (const item of subscribe<{ message: { a: number } }>(url, { decode: json })) {
      if (item.kind === 'event') expect(item.data.a).toBe(1)
    }
  })

  test('that the schema refuses, or that is no JSON, is a typed error', async () => {
    const url = await start((response, { path }) =>
      stream(response, path === '/bad' ? 'data: {\n\n' : 'data: "one"\n\n'),
    )
    await expect(collect(url, { decode: validated({ message: isNumber }) })).rejects.toMatchObject({
      code: 'invalid-event',
    })
    await expect(collect(`${url}bad`, { decode: json })).rejects.toMatchObject({ code: 'invalid-event' })
  })
})

test('comments can be observed', async () => {
  const url = await start((response) => stream(response, ': hello\ndata: done\n\n'))
  const comments: string[] = []
  await collect(url, { onComment: (text) => comments.push(text) })
  expect(comments).toEqual(['hello'])
})

test('comments come in order with the events around them, and none after close', async () => {
  const url = await start((response) =>
    stream(response, ': 1\ndata: 2\n\n: 3\ndata: 4\n\n: 5\ndata: last\n\n: 7\n'),
  )
  const told: string[] = []
  const subscription = subscribe(url, { onComment: (text) => told.push(text) })
  subscription.on('message', ({ data }) => {
    told.push(data)
    if (data === 'last') subscription.close()
  })
  await subscription.closed
  await new Promise(setImmediate)
  expect(told).toEqual(['1', '2', '3', '4', '5', 'last'])
})

test('an event before a comment whose onComment throws is given', async () => {
  const url = await start((response) => stream(response, 'id: e.1\ndata: 1\n\n: hello\n'))
  const mine = new Error('mine')
  const onComment = (): never => {
    throw mine
  }
  const subscription = subscribe(url, { onComment })
  const got: string[] = []
  subscription.on('message', ({ data }) => got.push(data))
  await expect(subscription.closed).rejects.toBe(mine)
  expect([got, subscription.lastEventId]).toEqual([['1'], 'e.1'])
})

test('an event before one that is too large is given, and is the place to go on from', async () => {
  const url = await start((response) => stream(response, `id: 1\ndata: 1\n\nid: 2\ndata: ${'x'.repeat(200)}`))
  const subscription = subscribe(url, { maxEventLength: 100 })
  const got: string[] = []
  subscription.on('message', ({ data }) => got.push(data))
  await expect(subscription.closed).rejects.toMatchObject({ code: 'too-large' })
  expect([got, subscription.lastEventId]).toEqual([['1'], '1'])
})

test('an error that onComment throws ends it as it is', async () => {
  const url = await start((response) => stream(response, ': hello\n\n'))
  const mine = new Error('mine')
  const onComment = (): never => {
    throw mine
  }
  await expect(collect(url, { onComment })).rejects.toBe(mine)
})

test('a slow consumer holds back the network', async () => {
  const chunk = `data: ${'x'.repeat(1000)}\n\n`
  let written = 0
  const url = await start((response) => {
    stream(response)
    const fill = (): void => {
      while (response.write(chunk)) written += 1
      response.once('drain', fill)
    }
    fill()
  })
  let most = 0
  for await (const _ of subscribe(url, { maxQueuedEvents: 10 })) {
    // Long enough for the server to fill what there is to fill.
    for (let same = 0, before = -1; same < 20; same += written === before ? 1 : 0) {
      before = written
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    most = written
    break
  }
  // The kernel's buffers on both ends, and nothing that grows.
  expect(most * chunk.length).toBeLessThan(32 * 1024 * 1024)
})

test('one whose consumer takes nothing can be closed', async () => {
  const url = await start((response) => stream(response, 'data: x\n\n'.repeat(100)))
  const subscription = subscribe(url, { maxQueuedEvents: 1 })
  const first = await subscription[Symbol.asyncIterator]().next()
  expect(first.done).toBe(false)
  subscription.close()
  await expect(subscription.closed).resolves.toBeUndefined()
})

test('the place is kept over page loads, up to what was dealt with', async () => {
  const kept = new Map<string, string>()
  const store = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  }
  const url = await start((response) =>
    stream(response, 'id: e.1\ndata: 1\n\nid: e.2\ndata: 2\n\nid: e.3\ndata: 3\n\n'),
  )
  let count = 0
  for await (const _ of subscribe(url, { store })) if ((count += 1) === 2) break
  // The second was being dealt with when the page went.
  expect([...kept]).toEqual([[`tailrace:${url}`, 'e.1']])
  for await (const _ of subscribe(url, { store })) break
  expect(server.requests[1]!.headers['last-event-id']).toBe('e.1')
})

test('a signal that is aborted ends it, also between two attempts', async () => {
  const url = await start((response) => response.writeHead(503).end())
  const abort = new AbortController()
  const subscription = subscribe(url, { signal: abort.signal, initialDelayMs: 1_000_000 })
  subscription.onStatus(({ kind }) => kind === 'reconnecting' && abort.abort())
  await subscription.closed
  expect(server.requests).toHaveLength(1)
})

test('an endless line is a typed error, and memory is bounded', async () => {
  const url = await start((response) => {
    stream(response)
    const fill = (): void => {
      while (!response.destroyed && response.write('x'.repeat(65_536).replace(/^x/, 'd'))) continue
      response.once('drain', fill)
    }
    response.write('data: ')
    fill()
  })
  await expect(collect(url, { maxEventLength: 1_000_000 })).rejects.toMatchObject({ code: 'too-large' })
})
