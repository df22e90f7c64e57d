import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect, subscribe, tabs } from '@tailrace/client'
import type { Item, StreamSubscription } from '@tailrace/client'
import { createHandler } from '@tailrace/http/node'
import { createHub, StreamFailure } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { startFlakyProxy } from '@tailrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startBufferingProxy } from './buffering-proxy.ts'
import { startScripted, stream } from './scripted-server.ts'

type Items = Item<Record<string, string>>[]

let hub: Hub
let server: Server
let port: number
let url: string
let count = 0

beforeAll(async () => {
  hub = await createHub({ log: 'memory:', retryMs: 10 })
  server = createServer(createHandler(hub, { onError: console.error })).listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
  url = `http://127.0.0.1:${port}`
})

afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await hub.close()
})

/** A topic that no other test uses. */
function newTopic(): string {
  count += 1
  return `jobs/${count}`
}

const REFUSED = new StreamFailure('upstream-refused', 'The model is overloaded.')
const FAILED = { code: 'stream-failed', reason: 'upstream-refused', detail: 'The model is overloaded.' }

async function read(
  subscription: StreamSubscription<Record<string, string>>,
): Promise<{ items: Items; error: unknown }> {
  const items: Items = []
  try {
    for await (const item of subscription) items.push(item)
    return { items, error: undefined }
  } catch (error) {
    return { items, error }
  }
}

const shown = (items: Items): string[] => items.map((item) => (item.kind === 'event' ? item.data : item.kind))

test('a stream that is complete ends the loop, after its events and nothing of the hub', async () => {
  const topic = newTopic()
  const writer = hub.stream(topic)
  await writer.write('one')
  await writer.write('two', { type: 'token' })
  const reading = read(subscribe(`${url}/topics/${topic}?from=start`))
  await writer.end()
  const { items, error } = await reading
  expect(shown(items).filter((text) => text !== 'live')).toEqual(['one', 'two', 'end'])
  expect(error).toBe(undefined)
})

test('the end of a stream may be an event of its own', async () => {
  const topic = newTopic()
  const writer = hub.stream(topic)
  await writer.write('one')
  await writer.end({ data: 'last' })
  const { items, error } = await read(subscribe(`${url}/topics/${topic}?from=start`))
  expect(shown(items)).toEqual(['one', 'last', 'live', 'end'])
  expect(error).toBe(undefined)
})

describe('a stream that failed', () => {
  test('ends the loop with an error, after its events', async () => {
    const topic = newTopic()
    const writer = hub.stream(topic)
    await writer.write('one')
    const subscription = subscribe(`${url}/topics/${topic}?from=start`)
    const reading = read(subscription)
    await writer.fail(REFUSED)
    const { items, error } = await reading
    expect(shown(items).filter((text) => text !== 'live')).toEqual(['one'])
    expect(error).toMatchObject(FAILED)
    expect((error as Error).message).toBe('The stream failed: The model is overloaded.')
    await expect(subscription.closed).rejects.toBe(error)
  })

  test('rejects `closed`, without asking whether to retry', async () => {
    const topic = newTopic()
    const writer = hub.stream(topic)
    await writer.fail(new Error('secret'))
    const errors: string[] = []
    const subscription = subscribe(`${url}/topics/${topic}?from=start`, {
      onError: ({ code }) => {
        errors.push(code)
        return 'retry'
      },
    })
    subscription.on('message', () => {})
    await expect(subscription.closed).rejects.toMatchObject({ code: 'stream-failed', reason: 'failed' })
    expect(errors).toEqual([])
  })

  test('fails again after a reload: it must not look complete', async () => {
    const topic = newTopic()
    const writer = hub.stream(topic)
    await writer.write('one')
    await writer.fail(REFUSED)
    const kept = new Map<string, string>()
    const store = {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
    }
    const address = `${url}/topics/${topic}?from=start`
    const first = await read(subscribe(address, { store }))
    expect([shown(first.items), first.error]).toEqual([['one'], expect.objectContaining(FAILED)])
    const second = await read(subscribe(address, { store }))
    expect([shown(second.items), second.error]).toEqual([[], expect.objectContaining(FAILED)])
  })

  test('is reported after a lost connection', async () => {
    await using proxy = await startFlakyProxy({ host: '127.0.0.1', port })
    const topic = newTopic()
    const writer = hub.stream(topic)
    await writer.write('one')
    const subscription = subscribe(`${proxy.url}/topics/${topic}?from=start`, {
      initialDelayMs: 1,
      maxDelayMs: 10,
    })
    const items: Items = []
    const loop = (async () => {
      for await (const item of subscription) {
        items.push(item)
        if (item.kind !== 'event') continue
        proxy.interrupt()
        await writer.fail(REFUSED)
        proxy.refuse(false)
      }
    })()
    await expect(loop).rejects.toMatchObject(FAILED)
    expect(items.filter(({ kind }) => kind === 'event')).toHaveLength(1)
  })

  test('fails in all tabs that share a connection', async () => {
    const topic = newTopic()
    const writer = hub.stream(topic)
    await writer.write('one')
    const open = (): { isLive: Promise<void>; closed: Promise<void> } => {
      const subscription = subscribe(`${url}/topics/${topic}`, { share: tabs })
      const isLive = new Promise<void>((resolve) =>
        subscription.onStatus(({ kind }) => kind === 'live' && resolve()),
      )
      return { isLive, closed: subscription.closed }
    }
    const first = open()
    await first.isLive
    const second = open()
    await second.isLive
    await writer.fail(REFUSED)
    await expect(first.closed).rejects.toMatchObject(FAILED)
    await expect(second.closed).rejects.toMatchObject(FAILED)
  })

  test('among several topics is reported, and the others continue', async () => {
    const [a, b] = [newTopic(), newTopic()]
    const [failing, other] = [hub.stream(a), hub.stream(b)]
    const subscription = subscribe(`${url}/events?topic=${a}&topic=${b}&from=start`)
    const items: Items = []
    await failing.fail(REFUSED)
    for await (const item of subscription) {
      items.push(item)
      if (item.kind !== 'stream-failed') continue
      await other.write('still here')
      await other.end()
    }
    expect(items.filter(({ kind }) => kind !== 'live')).toEqual([
      {
        kind: 'stream-failed',
        topic: a,
        id: expect.any(String),
        error: expect.objectContaining(FAILED),
      },
      expect.objectContaining({ kind: 'event', topic: b, data: 'still here' }),
      expect.objectContaining({ kind: 'end' }),
    ])
  })
})

const LIVE = 'event: tailrace.live\ndata: {}\n\n'

/** Resolves after so many microtasks. */
async function pass(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await Promise.resolve()
}

describe('on the connection of a page', () => {
  test('a stream that failed ends its own subscription, and is reported to those of patterns', async () => {
    const [a, b] = [newTopic(), newTopic()]
    const [failing, other] = [hub.stream(a), hub.stream(b)]
    const page = connect(url)
    const ofA = page.subscribe(a)
    const ofB = page.subscribe(b)
    const ofAll = page.subscribe('jobs/*')
    const seen: string[] = []
    ofA.on('message', ({ data }) => seen.push(`a: ${data}`))
    ofB.on('message', ({ data }) => seen.push(`b: ${data}`))
    const isReported = new Promise<string>((resolve) =>
      ofAll.onStatus((status) => status.kind === 'stream-failed' && resolve(status.topic)),
    )
    const isLive = new Promise<void>((resolve) => ofB.onStatus(({ kind }) => kind === 'live' && resolve()))
    await isLive
    await failing.fail(REFUSED)
    await expect(ofA.closed).rejects.toMatchObject(FAILED)
    expect(await isReported).toBe(a)
    const isThere = new Promise<void>((resolve) => ofB.on('message', () => resolve()))
    await other.write('still here')
    await isThere
    expect(seen).toEqual(['b: still here'])
    page.close()
    await ofB.closed
    await other.end()
  })

  test('a subscription that starts earlier learns of a failure while it catches up', async () => {
    const topic = newTopic()
    await hub.stream(topic).fail(REFUSED)
    const page = connect(url)
    const subscription = page.subscribe(topic, { from: 'start' })
    subscription.on('message', () => {})
    await expect(subscription.closed).rejects.toMatchObject(FAILED)
    page.close()
  })

  test('a failure is reported once, also if another subscription sets the connection back', async () => {
    const failed = 'event: tailrace.failed\ndata: {"code":"failed","message":"x"}\nid: e.7\ntopic: a/1\n\n'
    await using scripted = await startScripted((response, { headers }, index) => {
      const place = headers['last-event-id']
      if (index === 0) stream(response, `id: e.4\n${LIVE}${failed}`)
      else if (place === 'e.4') stream(response, `id: e.5\n${LIVE}`)
      else if (place === 'e.5') stream(response, `${failed}${LIVE}data: b8\nid: e.8\ntopic: b\n\n`)
    })
    const page = connect(scripted.url)
    const failures: (string | undefined)[] = []
    const ofAll = page.subscribe('a/*')
    ofAll.onStatus((status) => void (status.kind === 'stream-failed' && failures.push(status.id)))
    await expect.poll(() => failures).toEqual(['e.7'])
    const late = page.subscribe('b', { from: 'e.4' })
    await new Promise((resolve) => late.on('message', resolve))
    expect(failures).toEqual(['e.7'])
    page.close()
  })

  test('a failure does not end a subscription that is added at that moment', async () => {
    const token = 'data: token\nid: e.1\n\n'
    const failed = 'event: tailrace.failed\ndata: {"code":"failed","message":"x"}\nid: e.2\n\n'
    await using scripted = await startScripted((response, { path }) => {
      if (path.includes('=b')) stream(response, `${LIVE}data: b\nid: e.3\ntopic: b\n\n`)
      else stream(response, LIVE + token + failed)
    })
    for (let turns = 0; turns < 30; turns += 1) {
      const page = connect(scripted.url)
      const added = new Promise<string>((resolve, reject) => {
        const ofA = page.subscribe('a')
        ofA.closed.catch(() => {})
        const subscribeToB = (): void => {
          const ofB = page.subscribe('b')
          ofB.on('message', ({ data }) => resolve(data))
          ofB.closed.catch(reject)
        }
        ofA.on('message', () => {
          void pass(turns).then(subscribeToB)
        })
      })
      expect(await added).toBe('b')
      page.close()
    }
  })
})

test('behind a proxy that buffers, a stream ends as it does elsewhere', async () => {
  await using proxy = await startBufferingProxy(url)
  const [good, bad] = [newTopic(), newTopic()]
  const [succeeding, failing] = [hub.stream(good), hub.stream(bad)]
  await succeeding.write('one')
  const [complete, broken] = [good, bad].map((topic) => {
    const quick = { initialDelayMs: 0, maxDelayMs: 0, openTimeoutMs: 100 }
    const subscription = subscribe(`${proxy.url}/events?topic=${topic}&from=start`, quick)
    // It polls: a stream cannot begin.
    const isLive = new Promise((resolve) =>
      subscription.onStatus((status) => status.kind === 'live' && resolve(undefined)),
    )
    return { isLive, reading: read(subscription) }
  })
  await Promise.all([complete!.isLive, broken!.isLive])
  await succeeding.end()
  await failing.fail(REFUSED)
  const { items, error } = await complete!.reading
  expect([shown(items).slice(-3), error]).toEqual([['one', 'live', 'end'], undefined])
  expect((await broken!.reading).error).toMatchObject(FAILED)
})
