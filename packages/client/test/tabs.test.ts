import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { ClientError, publish, subscribe, tabs as shareTabs } from '@tailrace/client'
import type { Subscription, SubscribeOptions } from '@tailrace/client'
import { startHub } from '@tailrace/testkit'
import { afterEach, describe, expect, test } from 'vitest'
import { startScripted, stream } from './scripted-server.ts'
import type { Script, ScriptedServer } from './scripted-server.ts'

// The subscriptions of one process are tabs to each other. What takes real ones is in browser/tabs.test.ts.

/** What a tab tells: the data of events, and statuses. */
interface Tab {
  readonly subscription: Subscription<Record<string, string>>
  readonly told: string[]
  /** Resolves once it has told this. */
  until(what: string): Promise<void>
}

let server: ScriptedServer | undefined
let tabs: Tab[] = []

afterEach(async () => {
  for (const { subscription } of tabs) subscription.close()
  await Promise.allSettled(tabs.map(({ subscription }) => subscription.closed))
  tabs = []
  await server?.[Symbol.asyncDispose]()
})

async function start(script: Script): Promise<string> {
  server = await startScripted(script)
  return server.url
}

function open(url: string, options: SubscribeOptions = {}): Tab {
  const subscription = subscribe(url, { initialDelayMs: 0, maxDelayMs: 0, share: shareTabs, ...options })
  const told: string[] = []
  const watchers = new Set<() => void>()
  const tell = (what: string): void => {
    told.push(what)
    for (const look of watchers) look()
  }
  subscription.on('message', ({ data }) => tell(data))
  subscription.onStatus(({ kind }) => tell(kind))
  subscription.closed.catch(() => {})
  const tab: Tab = {
    subscription,
    told,
    until: (what) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (told.includes(what)) resolve()
        }
        watchers.add(look)
        look()
      }),
  }
  tabs.push(tab)
  return tab
}

const LIVE = 'event: tailrace.live\ndata: {}\nid: e.1\n\n'

function memory(): NonNullable<SubscribeOptions['store']> {
  const kept = new Map<string, string>()
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) }
}

describe('a tab that still decodes', () => {
  test('when it has to connect has the event once', async () => {
    let first!: ServerResponse
    const url = await start((response, { headers }, index) => {
      if (index === 0) first = stream(response, LIVE)
      else
        stream(response, `${headers['last-event-id'] === 'e.1' ? 'id: e.2\ndata: 1\n\n' : ''}data: done\n\n`)
    })
    const leader = open(url)
    await leader.until('live')
    const decoding = Promise.withResolvers<void>()
    const tab = open(url, {
      async decode(_, text) {
        decoding.resolve()
        // Time enough to ask for the event a second time.
        if (text === '1')
          await Promise.race([server!.untilRequests(2), new Promise((go) => setTimeout(go, 300))])
        return text
      },
    })
    await tab.until('live')
    first.write('id: e.2\ndata: 1\n\n')
    await decoding.promise
    leader.subscription.close()
    await tab.until('done')
    expect(tab.told.filter((what) => what === '1')).toEqual(['1'])
  })

  test('while more comes than it may have waiting has each event once, and the last one too', async () => {
    await using hub = await startHub()
    const url = `${hub.url}/topics/t`
    const leader = open(url)
    await leader.until('live')
    const tab = open(url, {
      maxQueuedEvents: 3,
      async decode(_, text) {
        await new Promise((resolve) => setTimeout(resolve, 10))
        return text
      },
    })
    await tab.until('live')
    const all = Array.from({ length: 12 }, (_, i) => String(i))
    for (const data of all) await publish(url, { data })
    await tab.until('11')
    expect(tab.told.filter((what) => what !== 'live')).toEqual(all)
  })
})

describe('a tab that comes later', () => {
  test('is not told that it is live when the one that connects has no connection', async () => {
    const url = await start((response, _, index) => {
      if (index === 0) stream(response).end(LIVE)
    })
    const leader = open(url, { onError: () => 1_000_000 })
    await leader.until('reconnecting')
    const tab = open(url)
    await expect.poll(() => tab.subscription.lastEventId).toBe('e.1')
    expect(tab.told).toEqual([])
  })

  test('is not told that it is live by a server that is no hub', async () => {
    const url = await start((response) => stream(response, 'data: 1\nid: 7\n\n'))
    await open(url).until('1')
    const tab = open(url)
    await expect.poll(() => tab.subscription.lastEventId).toBe('7')
    expect(tab.told).toEqual([])
  })

  test('keeps the place at which it begins over a page load', async () => {
    await using hub = await startHub()
    const url = `${hub.url}/topics/t`
    await publish(url, { data: '0' })
    await open(url).until('live')
    const store = memory()
    const before = open(url, { store })
    await before.until('live')
    before.subscription.close()
    await before.subscription.closed
    await publish(url, { data: '1' })
    const after = open(url, { store })
    await after.until('1')
    expect(after.told.filter((what) => what !== 'live')).toEqual(['1'])
  })
})

describe('a tab that opens in the middle of a snapshot', () => {
  test('reads all of it, and then shares the connection, though nothing new comes', async () => {
    const responses: ServerResponse[] = []
    const url = `${await start((response) => responses.push(stream(response)))}?snapshot=true`
    const leader = open(url)
    await server!.untilRequests(1)
    responses[0]!.write('data: k1\n\ndata: k2\n\n')
    await leader.until('k2')
    const tab = open(url)
    await server!.untilRequests(2)
    responses[0]!.write('data: k3\n\nevent: tailrace.live\ndata: {}\nid: e.5\n\n')
    await leader.until('live')
    responses[1]!.write('data: k1\n\ndata: k2\n\ndata: k3\n\nevent: tailrace.live\ndata: {}\nid: e.5\n\n')
    await once(responses[1]!, 'close')
    responses[0]!.write('data: 6\nid: e.6\n\n')
    await tab.until('6')
    for (const { told } of tabs) expect(told).toEqual(['k1', 'k2', 'k3', 'live', '6'])
  })

  test('that follows a gap reads all of it as well', async () => {
    const GAP = 'event: tailrace.gap\ndata: {"reason":"expired","from":"e.1","oldest":"e.5"}\nid: e.5\n\n'
    const REST = 'data: k2\n\nevent: tailrace.live\ndata: {}\nid: e.5\n\n'
    const responses: ServerResponse[] = []
    const url = `${await start((response) => responses.push(stream(response)))}?gap=snapshot`
    const leader = open(url, { lastEventId: 'e.1' })
    await server!.untilRequests(1)
    responses[0]!.write(`${GAP}data: k1\n\n`)
    await leader.until('k1')
    const tab = open(url, { lastEventId: 'e.1' })
    await server!.untilRequests(2)
    responses[1]!.write(GAP)
    await tab.until('gap')
    responses[0]!.write(`${REST}data: 6\nid: e.6\n\n`)
    await leader.until('6')
    responses[1]!.write(`data: k1\n\n${REST}data: 6\nid: e.6\n\n`)
    await once(responses[1]!, 'close')
    for (const { told } of tabs) expect(told).toEqual(['gap', 'k1', 'k2', 'live', '6'])
  })

  test('of a hub has every key', async () => {
    await using hub = await startHub()
    const KEYS = 40
    const data = 'x'.repeat(20_000)
    const batch = Array.from({ length: KEYS }, (_, i) => ({ key: `k${i}`, data: `${i} ${data}` }))
    await publish(`${hub.url}/topics/t`, batch)
    const url = `${hub.url}/topics/t?snapshot=true`
    const late = Promise.withResolvers<Tab>()
    let count = 0
    const leader = open(url, {
      async decode(_, text) {
        if ((count += 1) === KEYS / 2) late.resolve(open(url))
        // While the other tab asks where this one is.
        if (count > KEYS / 2) await new Promise((resolve) => setTimeout(resolve, 10))
        return text
      },
    })
    const tab = await late.promise
    await Promise.all([leader.until('live'), tab.until('live')])
    for (const { told } of tabs) expect(new Set(told).size).toBe(KEYS + 1)
  })
})

test('a listener for statuses that throws ends its tab with what it threw', async () => {
  const url = await start((response) => stream(response, LIVE))
  await open(url).until('live')
  const tab = open(url)
  const mine = new Error('mine')
  tab.subscription.onStatus(() => {
    throw mine
  })
  await expect(tab.subscription.closed).rejects.toBe(mine)
})

test('a tab is told that the connection is lost after what came before that', async () => {
  let response!: ServerResponse
  const url = await start((given, _, index) => {
    if (index === 0) response = stream(given, LIVE)
  })
  await open(url).until('live')
  const tab = open(url, {
    async decode(_, text) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      return text
    },
  })
  await tab.until('live')
  response.end('data: 1\nid: e.2\n\n')
  await tab.until('reconnecting')
  expect(tab.told).toEqual(['live', '1', 'reconnecting'])
})

test('what the others are told late does not set back a tab that has come further', async () => {
  const responses: ServerResponse[] = []
  const url = await start((response) => responses.push(stream(response)))
  const leader = open(url)
  await server!.untilRequests(1)
  responses[0]!.write('data: 5\nid: e.5\n\n')
  await leader.until('5')
  const tab = open(url, { lastEventId: 'e.4' })
  await server!.untilRequests(2)
  responses[1]!.write('data: 5\nid: e.5\n\ndata: 6\nid: e.6\n\n')
  await tab.until('6')
  const left = once(responses[1]!, 'close')
  responses[0]!.write('event: tailrace.live\ndata: {}\nid: e.5\n\ndata: 6\nid: e.6\n\n')
  await left
  responses[0]!.write('data: 7\nid: e.7\n\n')
  await tab.until('7')
  expect(tab.told).toEqual(['5', '6', 'live', '7'])
  expect(server!.requests).toHaveLength(2)
})

test('a tab whose decode fails asks its caller what to do, as the one that connects does', async () => {
  let response!: ServerResponse
  const url = await start((given, { headers }) => {
    response = stream(
      given,
      headers['last-event-id'] === 'e.1' ? 'data: bad\nid: e.2\n\ndata: 3\nid: e.3\n\n' : LIVE,
    )
  })
  const options = (): SubscribeOptions => {
    let failures = 0
    return {
      onError: () => 'retry',
      decode(_, text) {
        if (text === 'bad' && (failures += 1) === 1) throw new ClientError('invalid-event', 'bad')
        return text
      },
    }
  }
  await open(url, options()).until('live')
  const tab = open(url, options())
  await tab.until('live')
  response.write('data: bad\nid: e.2\n\n')
  await Promise.all(tabs.map(({ until }) => until('3')))
  expect(tab.told.filter((what) => /\d|bad/.test(what))).toEqual(['bad', '3'])
})
