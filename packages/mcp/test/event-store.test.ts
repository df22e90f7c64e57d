import { setImmediate as nextTask } from 'node:timers/promises'
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js'
import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { createMemoryEngine } from '@tailrace/log'
import type { CompleteEventLog } from '@tailrace/log'
import { createEventStore } from '@tailrace/mcp'
import type { SessionEventStore } from '@tailrace/mcp'
import { createScriptedLog } from '@tailrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { prefixOf } from '../src/segment.ts'

let hub: Hub
let count = 0

beforeAll(async () => {
  hub = await createHub({ log: 'memory:' })
})

afterAll(() => hub.close())

const message = (data: unknown): JSONRPCMessage => ({
  jsonrpc: '2.0',
  method: 'notifications/message',
  params: { level: 'info', data },
})

function dataOf(given: JSONRPCMessage): unknown {
  return 'params' in given ? given.params?.['data'] : undefined
}

/** The store of a new session. */
function newStore(): SessionEventStore {
  count += 1
  return createEventStore(hub, { session: `session-${count}` })
}

async function replayed(store: SessionEventStore, id: string): Promise<[string, unknown][]> {
  const sent: [string, unknown][] = []
  await store.replayEventsAfter(id, {
    async send(eventId, given) {
      sent.push([eventId, dataOf(given)])
    },
  })
  return sent
}

test('a replay contains the later messages of the stream, and no others', async () => {
  const store = newStore()
  const other = newStore()
  const ids: string[] = []
  for (let i = 0; i < 5; i += 1) {
    ids.push(await store.storeEvent('a', message(i)))
    await store.storeEvent('b', message('another stream'))
    await other.storeEvent('a', message('another session'))
  }
  expect(await replayed(store, ids[1]!)).toEqual([2, 3, 4].map((i) => [ids[i], i]))
  expect(await replayed(store, ids[4]!)).toEqual([])
  expect(await store.getStreamIdForEventId(ids[0]!)).toBe('a')
})

test('messages that are stored at the same time keep their order', async () => {
  const store = newStore()
  const first = await store.storeEvent('a', message('first'))
  const numbers = Array.from({ length: 1_500 }, (_, i) => i)
  await Promise.all(numbers.map((i) => store.storeEvent(i % 3 === 0 ? 'b' : 'a', message(i))))
  expect((await replayed(store, first)).map(([, data]) => data)).toEqual(numbers.filter((i) => i % 3 !== 0))
})

test('the event that primes a stream can be resumed from, and is not replayed', async () => {
  const store = newStore()
  const first = await store.storeEvent('a', message(1))
  const priming = await store.storeEvent('a', {} as JSONRPCMessage)
  await store.storeEvent('a', message(2))
  expect((await replayed(store, first)).map(([, data]) => data)).toEqual([2])
  expect((await replayed(store, priming)).map(([, data]) => data)).toEqual([2])
})

test('a message larger than an event of the hub is stored and replayed as one', async () => {
  const small = await createHub({ log: 'memory:', maxEventBytes: 100 })
  const store = createEventStore(small, { session: 'large' })
  const first = await store.storeEvent('a', message('first'))
  const texts = ['😀'.repeat(500), `x${'😀'.repeat(500)}`, 'é"\n'.repeat(500), '\ud800']
  const ids: string[] = []
  for (const text of texts) ids.push(await store.storeEvent('a', message(text)))
  expect(await replayed(store, first)).toEqual(texts.map((text, i) => [ids[i], text]))
  expect(await replayed(store, ids[0]!)).toEqual(texts.slice(1).map((text, i) => [ids[i + 1], text]))
  await small.close()
})

test('a message that is stored when a replay has read everything is sent to the connection that replays', async () => {
  let afterLastPage = async (): Promise<void> => {}
  const slow: Hub = {
    ...hub,
    async read(query, signal) {
      const page = await hub.read(query, signal)
      if ('events' in page && page.events.length === 0) await afterLastPage()
      return page
    },
  }
  const store = createEventStore(slow, { session: 'slow' })
  const first = await store.storeEvent('a', message('first'))
  await store.storeEvent('a', message('second'))
  const received: unknown[] = []
  let isRegistered = false
  let storing: Promise<void> | undefined
  // It stores a message, and then writes it to the connection if there is one.
  async function transport(): Promise<void> {
    await store.storeEvent('a', message('third'))
    if (isRegistered) received.push('third')
  }
  afterLastPage = async () => {
    storing = transport()
    for (let turn = 0; turn < 10; turn += 1) await nextTask()
  }
  await store.replayEventsAfter(first, { send: async (_, given) => void received.push(dataOf(given)) })
  isRegistered = true
  await storing
  expect(received).toEqual(['second', 'third'])
})

test('a replay is refused if a part of it is removed meanwhile', async () => {
  let afterFinding = async (): Promise<unknown> => undefined
  const changing: Hub = {
    ...hub,
    async read(query, signal) {
      const page = await hub.read(query, signal)
      if (query.limit === 1 && 'events' in page) await afterFinding()
      return page
    },
  }
  const store = createEventStore(changing, { session: 'shrinking', maxEvents: 4 })
  const ids: string[] = []
  for (let i = 0; i < 3; i += 1) ids.push(await store.storeEvent('a', message(i)))
  const topics = await hub.topics({ prefix: prefixOf('shrinking'), after: '', limit: 10 })
  const [, second] = topics.toSorted((a, b) => a.newest - b.newest)
  afterFinding = () => hub.purge(second!.topic)
  await expect(replayed(store, ids[0]!)).rejects.toMatchObject({ code: 'unknown-event' })
})

/** A node that is behind: it sees what others stored once it has asked how far the log is. */
function behind(log: CompleteEventLog): CompleteEventLog {
  let seen = 0
  return {
    ...log,
    async describe() {
      const description = await log.describe()
      seen = description.newest
      return description
    },
    async read(query) {
      const page = await log.read(query)
      const events = page.events.filter(({ offset }) => offset <= seen)
      return { ...page, events, next: Math.min(page.next, Math.max(seen, query.after)), more: false }
    },
    topics: {
      ...log.topics,
      list: async (query) => (await log.topics.list(query)).filter(({ newest }) => newest <= seen),
    },
  }
}

test('a session that moves to a node that is behind continues there without loss', async () => {
  const engine = createMemoryEngine()
  const scripted = createScriptedLog(engine.open())
  const one = await createHub({ log: engine.open() })
  const other = await createHub({ log: behind(scripted.log) })
  scripted.hold()
  const store = createEventStore(one, { session: 'moving' })
  const first = await store.storeEvent('a', message(1))
  await store.storeEvent('a', message(2))
  await store.storeEvent('b', message('another stream'))
  await store.storeEvent('a', message(3))
  const moved = createEventStore(other, { session: 'moving' })
  expect((await replayed(moved, first)).map(([, data]) => data)).toEqual([2, 3])
  const last = await moved.storeEvent('a', message(4))
  expect((await replayed(store, first)).map(([, data]) => data)).toEqual([2, 3, 4])
  expect(await store.getStreamIdForEventId(last)).toBe('a')
  await other.close()
  await one.close()
})

describe('an id is refused', () => {
  test.each(['', '0', 'x', '_GET_stream_1', 'abcdefgh.0', 'abcdefgh.1', '9'.repeat(70), 'a.b.c', '\n'])(
    'if it is %j',
    async (id) => {
      const store = newStore()
      await store.storeEvent('a', message(1))
      expect(await store.getStreamIdForEventId(id)).toBe(undefined)
      await expect(replayed(store, id)).rejects.toMatchObject({ code: 'unknown-event' })
    },
  )

  test('if it belongs to another session, or to no message', async () => {
    const [ada, eve] = [newStore(), newStore()]
    await eve.storeEvent('a', message('of eve'))
    const id = await ada.storeEvent('a', message('of ada'))
    await eve.storeEvent('a', message('of eve'))
    expect(await eve.getStreamIdForEventId(id)).toBe(undefined)
    await expect(replayed(eve, id)).rejects.toMatchObject({ code: 'unknown-event' })
    // The next position, which nothing has yet.
    const [epoch, offset] = id.split('.')
    const later = `${epoch}.${Number(offset) + 1_000}`
    expect(await ada.getStreamIdForEventId(later)).toBe(undefined)
  })

  test('if it is that of a message in the log of the application', async () => {
    const { id } = await hub.publish('orders/42', { type: 'a', data: '={"jsonrpc":"2.0"}' })
    expect(await newStore().getStreamIdForEventId(id)).toBe(undefined)
  })
})

describe('a session id', () => {
  test.each(['', 'a b', 'a\n', 'ü', 'x'.repeat(5_000), undefined, 42])('may not be %j', (session) => {
    expect(() => createEventStore(hub, { session: session as string })).toThrow(
      expect.objectContaining({ code: 'invalid-session' }),
    )
  })

  test.each(['*', '**', '../x', 'a/b', '.', '%2F', 'x'.repeat(4_000)])(
    'may be %j, which is not part of any topic',
    async (session) => {
      const own = await createHub({ log: 'memory:' })
      const victim = createEventStore(own, { session: 'victim' })
      const id = await victim.storeEvent('a', message('secret'))
      const store = createEventStore(own, { session })
      await store.storeEvent('a', message(1))
      expect(await store.getStreamIdForEventId(id)).toBe(undefined)
      const topics = await own.topics({ prefix: '', after: '', limit: 10 })
      expect(topics.map(({ topic }) => topic)).toEqual([
        expect.stringMatching(TOPIC),
        expect.stringMatching(TOPIC),
      ])
      await store.end()
      expect(await victim.getStreamIdForEventId(id)).toBe('a')
      await own.close()
    },
  )
})

const TOPIC = /^mcp\/[A-Za-z0-9_-]{43}\/\d+-[0-9a-f]{8}$/

test('what is being stored when a session ends is removed as well', async () => {
  let release!: () => void
  const held = new Promise<void>((resolve) => (release = resolve))
  const publish = async (batch: Parameters<typeof hub.publish>[0]): Promise<unknown> => {
    await held
    return hub.publish(batch)
  }
  const store = createEventStore({ ...hub, publish: publish as Hub['publish'] }, { session: 'ending' })
  const storing = store.storeEvent('a', message(1))
  await nextTask()
  const ended = store.end()
  await nextTask()
  release()
  await Promise.all([storing, ended])
  expect(await hub.topics({ prefix: prefixOf('ending'), after: '', limit: 10 })).toEqual([])
})

test('after the end of a session, nothing of it is left, and nothing is stored', async () => {
  const store = newStore()
  const id = await store.storeEvent('a', message(1))
  const storing = [1, 2, 3].map((data) => store.storeEvent('a', message(data)))
  await store.end()
  await Promise.allSettled(storing)
  expect(await store.getStreamIdForEventId(id)).toBe(undefined)
  await expect(store.storeEvent('a', message(2))).rejects.toMatchObject({ code: 'session-ended' })
})
