import { connect, json, publish } from '@tailrace/client'
import type { ConnectOptions, PageConnection, Subscription, TopicOptions } from '@tailrace/client'
import { createRandom, startHub, testSeed } from '@tailrace/testkit'
import type { HubProcess } from '@tailrace/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { selects } from '../src/selector.ts'
import { startScripted, stream } from './scripted-server.ts'

let hub: HubProcess
let page: PageConnection

beforeEach(async () => {
  hub = await startHub({ args: ['--publish-rate', '0'] })
  page = connect(hub.url, { initialDelayMs: 0, maxDelayMs: 20 })
})

afterEach(async () => {
  page.close()
  await hub[Symbol.asyncDispose]()
})

interface Seen {
  readonly subscription: Subscription<Record<string, string>>
  readonly events: { readonly id: string; readonly topic: string; readonly data: string }[]
  readonly statuses: string[]
  /** The place at which it was first told that it is live. */
  liveAt: string | undefined
}

function watch(topics: string | readonly string[], from?: string, of = page): Seen {
  const subscription = of.subscribe(topics, { from })
  const seen: Seen = { subscription, events: [], statuses: [], liveAt: undefined }
  subscription.on('message', ({ id, topic, data }) => seen.events.push({ id, topic: topic!, data }))
  subscription.onStatus((status) => {
    seen.statuses.push(status.kind)
    if (status.kind === 'live') seen.liveAt ??= status.id
  })
  subscription.closed.catch(() => {})
  return seen
}

async function untilLive(seen: Seen): Promise<void> {
  await expect.poll(() => seen.liveAt).toBeDefined()
}

const dataOf = ({ events }: Seen): string[] => events.map(({ data }) => data)
const offsetOf = (id: string): number => Number(id.split('.')[1])

describe('subscriptions of one page', () => {
  test('have one connection, and each gets the events of its topics', async () => {
    const [orders, all, other] = [watch('orders/1'), watch('orders/*'), watch(['a', 'b/**'])]
    for (const seen of [orders, all, other]) await untilLive(seen)
    for (const topic of ['orders/1', 'orders/2', 'b/c/d', 'a', 'b'])
      await publish(`${hub.url}/topics/${topic}`, { data: topic })
    await expect.poll(() => dataOf(other)).toEqual(['b/c/d', 'a', 'b'])
    expect(dataOf(orders)).toEqual(['orders/1'])
    expect(dataOf(all)).toEqual(['orders/1', 'orders/2'])
    const { total } = (await (await fetch(`${hub.url}/connections`)).json()) as { total: number }
    expect(total).toBe(1)
  })

  test('are named by their topic, also where there is one only', async () => {
    const seen = watch('a')
    await untilLive(seen)
    await publish(`${hub.url}/topics/a`, { data: '1' })
    await expect.poll(() => seen.events.map(({ topic }) => topic)).toEqual(['a'])
  })

  test('decode each in its own way, and one whose data is invalid ends alone', async () => {
    const parsed = page.subscribe<{ message: { n: number } }>('a', { decode: json })
    const numbers: number[] = []
    parsed.on('message', ({ data }) => numbers.push(data.n))
    const text = watch('a')
    await untilLive(text)
    await publish(`${hub.url}/topics/a`, [{ data: { n: 1 } }, { data: 'no JSON' }, { data: 'more' }])
    await expect(parsed.closed).rejects.toMatchObject({ code: 'invalid-event' })
    await expect.poll(() => dataOf(text)).toEqual(['{"n":1}', 'no JSON', 'more'])
    expect(numbers).toEqual([1])
  })

  test('that come later do not get what is older than they are', async () => {
    const first = watch('a')
    await untilLive(first)
    await publish(`${hub.url}/topics/b`, { data: 'old' })
    const later = watch('b')
    await untilLive(later)
    await publish(`${hub.url}/topics/b`, { data: 'new' })
    await expect.poll(() => dataOf(later)).toEqual(['new'])
  })

  test('start from a place of their own, and the others get nothing twice', async () => {
    const first = watch('a')
    await untilLive(first)
    const { id } = await publish(`${hub.url}/topics/b`, { data: 'b0' })
    for (const data of ['1', '2']) {
      await publish(`${hub.url}/topics/b`, { data: `b${data}` })
      await publish(`${hub.url}/topics/a`, { data: `a${data}` })
    }
    const fromPlace = watch(['a', 'b'], id)
    const fromStart = watch('b', 'start')
    await untilLive(fromPlace)
    await untilLive(fromStart)
    await publish(`${hub.url}/topics/a`, { data: 'a3' })
    await publish(`${hub.url}/topics/b`, { data: 'b3' })
    await expect.poll(() => dataOf(fromPlace)).toEqual(['b1', 'a1', 'b2', 'a2', 'a3', 'b3'])
    await expect.poll(() => dataOf(fromStart)).toEqual(['b0', 'b1', 'b2', 'b3'])
    expect(dataOf(first)).toEqual(['a1', 'a2', 'a3'])
  })

  test('are also loops, and the connection is closed with the last of them', async () => {
    const seen: string[] = []
    for await (const item of page.subscribe(['a', 'b'])) {
      if (item.kind === 'live') await publish(`${hub.url}/topics/b`, { data: 'x' })
      if (item.kind !== 'event') continue
      seen.push(item.data)
      break
    }
    expect(seen).toEqual(['x'])
    await expect
      .poll(async () => ((await (await fetch(`${hub.url}/connections`)).json()) as { total: number }).total)
      .toBe(0)
    const again = watch('a')
    await untilLive(again)
    await publish(`${hub.url}/topics/a`, { data: 'y' })
    await expect.poll(() => dataOf(again)).toEqual(['y'])
  })

  test('end when all topics of the page have ended', async () => {
    const [one, two] = [watch('a'), watch('b')]
    await untilLive(one)
    await untilLive(two)
    for (const topic of ['a', 'b']) await publish(`${hub.url}/topics/${topic}`, { data: topic, end: true })
    await Promise.all([one.subscription.closed, two.subscription.closed])
    expect([one.statuses.at(-1), two.statuses.at(-1)]).toEqual(['end', 'end'])
    const next = watch('c')
    await untilLive(next)
  })

  test('are not more than a stream can have', () => {
    const topics = Array.from({ length: 101 }, (_, i) => `t/${i}`)
    expect(() => page.subscribe(topics)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
    expect(() => page.subscribe([])).toThrow(expect.objectContaining({ code: 'invalid-option' }))
  })
})

const live = (id: string): string => `event: tailrace.live\ndata: {}\nid: ${id}\n\n`
const event = (topic: string, n: number): string => `data: ${topic}${n}\ntopic: ${topic}\nid: e.${n}\n\n`

test('a topic that is refused ends its own subscription, and the others go on', async () => {
  await using server = await startScripted((response, { path }) => {
    if (path.includes('secret')) response.writeHead(403).end()
    else stream(response, live('e.1'))
  })
  const own = connect(server.url)
  const open = watch('open', undefined, own)
  await untilLive(open)
  const secret = watch('secret', undefined, own)
  await expect(secret.subscription.closed).rejects.toMatchObject({ code: 'status', status: 403 })
  await server.untilRequests(3)
  expect(server.requests[2]!.headers['last-event-id']).toBe('e.1')
  own.close()
  await open.subscription.closed
})

test('what is not an option of a page is refused at once', () => {
  expect(() => connect(hub.url, { share: () => undefined } as ConnectOptions)).toThrow(
    expect.objectContaining({ code: 'invalid-option', option: 'share' }),
  )
  expect(() => page.subscribe('a', { form: 'start' } as TopicOptions)).toThrow(
    expect.objectContaining({ code: 'invalid-option', option: 'form' }),
  )
})

test('a signal ends all subscriptions of a page, and those that come later', async () => {
  const stop = new AbortController()
  const own = connect(hub.url, { signal: stop.signal })
  const before = watch('a', undefined, own)
  await untilLive(before)
  stop.abort()
  const later = watch('a', undefined, own)
  await Promise.all([before.subscription.closed, later.subscription.closed])
  expect(later.statuses).toEqual([])
})

test('one that has caught up to a place behind the connection sets it back, and the others skip what they have had', async () => {
  await using server = await startScripted((response, { headers }, index) => {
    const place = headers['last-event-id']
    if (index === 0) stream(response, `${live('e.4')}data: a7\nid: e.7\n\n`)
    else if (place === 'e.4') stream(response, `data: b5\ntopic: b\nid: e.5\n\n${live('e.5')}`)
    else if (place === 'e.5')
      stream(response, `${event('a', 7)}${live('e.7')}${event('b', 8)}${event('a', 9)}`)
  })
  const own = connect(server.url)
  const first = watch('a', undefined, own)
  await expect.poll(() => dataOf(first)).toEqual(['a7'])
  const second = watch(['a', 'b'], 'e.4', own)
  await expect.poll(() => dataOf(second)).toEqual(['b5', 'a7', 'b8', 'a9'])
  expect(dataOf(first)).toEqual(['a7', 'a9'])
  own.close()
})

test('while topics come and go under load and the connection breaks, every subscription gets each of its events once, in order', async () => {
  const random = createRandom(testSeed())
  const TOPICS = ['a', 'b', 'c', 'd/1', 'd/2']
  const SELECTORS = [...TOPICS, 'd/*', '**']
  const published: { readonly id: string; readonly topic: string }[] = []
  const publishingEnds = new AbortController()

  async function publishAlong(): Promise<void> {
    for (let n = 0; !publishingEnds.signal.aborted; n += 1) {
      const batch = TOPICS.filter(() => random.chance(0.5)).map((topic) => ({ topic, data: String(n) }))
      if (batch.length > 0) published.push(...(await publish(`${hub.url}/topics`, batch)))
      for (const look of watchers) look()
    }
  }
  const watchers = new Set<() => void>()
  /** Resolves when so many more batches were published. */
  const batches = (count: number): Promise<void> =>
    new Promise((resolve) => {
      let left = count
      const look = (): void => {
        left -= 1
        if (left > 0) return
        watchers.delete(look)
        resolve()
      }
      watchers.add(look)
    })
  const publishing = publishAlong()

  const everything: { seen: Seen; selectors: string[]; from: string | undefined; isOpen: boolean }[] = []
  for (let round = 0; round < 120; round += 1) {
    const open = everything.filter(({ isOpen }) => isOpen)
    const dice = random.next()
    if (open.length < 2 || (dice < 0.5 && open.length < 8)) {
      const selectors = [...new Set([random.pick(SELECTORS), random.pick(SELECTORS)])]
      const from = dice < 0.15 && published.length > 0 ? random.pick(published).id : undefined
      everything.push({ seen: watch(selectors, from), selectors, from, isOpen: true })
    } else if (dice < 0.9) {
      const one = random.pick(open)
      one.isOpen = false
      one.seen.subscription.close()
    } else page.restart()
    // Some changes come together, others while the stream is being opened or read.
    if (random.chance(0.7)) await batches(random.int(1, 12))
  }
  for (const { seen, isOpen } of everything) if (isOpen) await untilLive(seen)
  publishingEnds.abort()
  await publishing
  published.push(
    ...(await publish(
      `${hub.url}/topics`,
      TOPICS.map((topic) => ({ topic, data: 'last' })),
    )),
  )

  published.sort((one, other) => offsetOf(one.id) - offsetOf(other.id))
  let count = 0
  for (const { seen, selectors, from, isOpen } of everything) {
    const start = from ?? seen.liveAt
    if (start === undefined) {
      expect(seen.events).toEqual([])
      continue
    }
    const due = published
      .filter(
        ({ id, topic }) => offsetOf(id) > offsetOf(start) && selectors.some((one) => selects(one, topic)),
      )
      .map(({ id }) => id)
    // One that is open to the end has everything; one that was closed has everything up to a moment.
    if (isOpen) await expect.poll(() => seen.events.length).toBe(due.length)
    expect(seen.events.map(({ id }) => id)).toEqual(due.slice(0, seen.events.length))
    count += seen.events.length
  }
  expect(count).toBeGreaterThan(1_000)
})
