import { createHub } from '@tailrace/hub'
import type { FollowedEvent, FollowOptions, Hub } from '@tailrace/hub'
import { createMemoryEngine, LogError } from '@tailrace/log'
import type { CompleteEventLog, EventLog, MemoryEngine } from '@tailrace/log'
import { createScriptedLog } from '@tailrace/testkit'
import type { ScriptedLog } from '@tailrace/testkit'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { publishAll, texts } from './opening.ts'

const LOST = new LogError('unreachable', 'connect ECONNREFUSED 10.0.0.7:6379')

let engine: MemoryEngine
let scripted: ScriptedLog
/** Another node of the same log, which nothing disturbs. */
let other: CompleteEventLog
let hub: Hub
let reads: number

beforeEach(async () => {
  engine = createMemoryEngine()
  scripted = createScriptedLog(engine.open())
  other = engine.open()
  reads = 0
  hub = await createHub({ log: counting(scripted.log), heartbeatMs: 0, batchMs: 0, retryMs: 20 })
})

afterEach(async () => {
  await hub.close()
})

function counting(log: CompleteEventLog): CompleteEventLog {
  return {
    ...log,
    read(query) {
      reads += 1
      return log.read(query)
    },
  }
}

function following(options?: FollowOptions, ...selectors: readonly string[]): AsyncIterator<FollowedEvent> {
  return hub.follow(selectors.length > 0 ? selectors : ['t'], options)[Symbol.asyncIterator]()
}

async function take(events: AsyncIterator<FollowedEvent>, count: number): Promise<string[]> {
  const taken: string[] = []
  while (taken.length < count) {
    const { done, value } = await events.next()
    if (done === true) throw new Error(`it ended after ${taken.join(', ')}`)
    taken.push(value.data)
  }
  return taken
}

async function all(events: AsyncIterable<FollowedEvent>): Promise<string[]> {
  const taken: string[] = []
  for await (const { data } of events) taken.push(data)
  return taken
}

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `${from + i}`)

test('events are those of the log, and what is published meanwhile follows, in order and once', async () => {
  const { id } = await hub.publish('t', { type: 'order', key: 'k', data: { total: 12 } })
  const events = following({ from: 'start' })
  expect((await events.next()).value).toMatchObject({
    id,
    topic: 't',
    type: 'order',
    key: 'k',
    data: '{"total":12}',
    time: expect.any(Number),
    remove: false,
    end: false,
  })
  const publishing = (async () => {
    for (const text of numbers(0, 500)) await hub.publish('t', { data: text })
  })()
  expect(await take(events, 500)).toEqual(numbers(0, 500))
  await publishing
  const waiting = take(events, 1)
  await publishAll(hub, texts('elsewhere', 'x'))
  await publishAll(hub, texts('t', 'last'))
  expect(await waiting).toEqual(['last'])
})

test('the id of an event is where another one continues', async () => {
  await publishAll(hub, texts('t', 'a', 'b', 'c'))
  const events = following({ from: 'start' })
  await events.next()
  const { value } = await events.next()
  expect(await take(following({ from: value.id }), 1)).toEqual(['c'])
})

test('new events are those that are published after the call, for each iteration', async () => {
  await publishAll(hub, texts('t', 'before'))
  const events = hub.follow(['t'])
  await publishAll(hub, texts('t', 'after'))
  for (let round = 0; round < 2; round += 1) {
    expect(await take(events[Symbol.asyncIterator](), 1)).toEqual(['after'])
  }
})

test('a pattern selects topics that begin later', async () => {
  const events = following({}, 'rooms/*', 'other')
  await publishAll(hub, [...texts('rooms/1', 'a'), ...texts('rooms', 'x'), ...texts('other', 'b')])
  expect(await take(events, 2)).toEqual(['a', 'b'])
})

test('it ends when every topic has ended, also for whoever comes after that', async () => {
  const both = all(hub.follow(['a', 'b'], { from: 'start' }))
  await hub.publish('a', { data: '1', end: true })
  const { id } = await hub.publish('b', { data: '2' })
  await hub.publish('b', { data: '3', end: true })
  expect(await both).toEqual(['1', '2', '3'])
  expect(await all(hub.follow(['a', 'b'], { from: id }))).toEqual(['3'])
  expect(await all(hub.follow(['a', 'b']))).toEqual([])
})

test('a topic of a one-off stream ends with the stream', async () => {
  const writer = hub.stream('answer')
  await writer.write('Hello')
  const types: (string | undefined)[] = []
  const read = (async () => {
    for await (const { type } of hub.follow(['answer'], { from: 'start' })) types.push(type)
  })()
  await writer.end()
  await read
  expect(types).toEqual(['tailrace.opened', undefined, 'tailrace.done'])
})

test('a signal ends it: while it waits, between two events, and before it begins', async () => {
  await publishAll(hub, texts('t', 'a', 'b'))
  const leave = new AbortController()
  const events = following({ signal: leave.signal, from: 'start' })
  expect(await take(events, 2)).toEqual(['a', 'b'])
  const waiting = events.next()
  leave.abort()
  expect(await waiting).toEqual({ done: true, value: undefined })
  expect(await all(hub.follow(['t'], { from: 'start', signal: leave.signal }))).toEqual([])

  const second = new AbortController()
  const seen: string[] = []
  for await (const { data } of hub.follow(['t'], { from: 'start', signal: second.signal })) {
    seen.push(data)
    second.abort()
  }
  expect(seen).toEqual(['a'])
})

test('whoever leaves is not waited for, and nothing is read for them any more', async () => {
  await publishAll(hub, texts('t', 'a'))
  for await (const { data } of hub.follow(['t'], { from: 'start' })) {
    expect(data).toBe('a')
    break
  }
  const events = following({ from: 'start' })
  await events.next()
  const waiting = events.next()
  expect(await events.return!()).toEqual({ done: true, value: undefined })
  expect(await waiting).toEqual({ done: true, value: undefined })
  reads = 0
  await publishAll(hub, texts('t', 'b'))
  await hub.read({ selectors: ['t'] }, new AbortController().signal)
  expect(reads).toBe(1)
})

test('the log is read at the pace of its reader, a page at a time', async () => {
  await hub.publish(texts('t', ...numbers(0, 1_000)))
  const events = following({ from: 'start' })
  expect(reads).toBe(0)
  await take(events, 100)
  expect(reads).toBe(1)
  await take(events, 1)
  expect(reads).toBe(2)
  await events.return!()

  const large = 'x'.repeat(400 * 1024)
  for (let i = 0; i < 6; i += 1) await hub.publish('large', { data: large })
  reads = 0
  const larger = following({ from: 'start' }, 'large')
  await take(larger, 3)
  expect(reads).toBe(1)
  await take(larger, 1)
  expect(reads).toBe(2)
})

test('up to now: everything that any node had published, nothing that follows, and no wait', async () => {
  expect(await all(hub.follow(['t'], { from: 'start', to: 'now' }))).toEqual([])
  scripted.hold()
  await other.append(texts('t', ...numbers(0, 250)))
  const events = following({ from: 'start', to: 'now' })
  expect(await take(events, 1)).toEqual(['0'])
  await other.append(texts('t', 'later'))
  expect(await take(events, 249)).toEqual(numbers(1, 250))
  expect(await events.next()).toEqual({ done: true, value: undefined })
  expect(await all(hub.follow(['none'], { from: 'start', to: 'now' }))).toEqual([])
})

test('events that are lost are an error, which says where they were lost', async () => {
  const ids = await publishAll(hub, texts('t', 'a', 'b'))
  const events = following({ from: ids[0] })
  expect(await take(events, 1)).toEqual(['b'])
  await publishAll(hub, texts('t', ...numbers(0, 300)))
  await take(events, 1)
  while (!(await other.retention.trim([{ selector: 't', maxCount: 1 }], Date.now())).done);
  await expect(take(events, 300)).rejects.toMatchObject({
    name: 'HubError',
    code: 'cursor-gone',
    details: { reason: 'expired', from: expect.any(String), oldest: expect.any(String) },
  })
  expect(await events.next()).toEqual({ done: true, value: undefined })
  expect(await take(following({ from: 'start' }), 1)).toEqual(['299'])
})

test.each([
  ['abc23456.1', 'epoch'],
  ['nonsense', 'unknown'],
  ['', 'unknown'],
])('a cursor that was never issued, %j, is an error: %s', async (from, reason) => {
  await expect(following({ from }).next()).rejects.toMatchObject({ code: 'cursor-gone', details: { reason } })
})

test('an interruption is waited for, and nothing is lost or repeated', async () => {
  const events = following()
  const waiting = take(events, 3)
  await publishAll(hub, texts('t', 'before'))
  scripted.interrupt(LOST)
  await other.append(texts('t', 'during'))
  const late = following({ from: 'start' })
  const begun = take(late, 3)
  await expect(hub.ready()).rejects.toThrow(LOST.message)
  scripted.resume()
  await publishAll(hub, texts('t', 'after'))
  expect(await waiting).toEqual(['before', 'during', 'after'])
  expect(await begun).toEqual(['before', 'during', 'after'])
})

test('a hub that starts without its log can be followed as soon as the log is there', async () => {
  scripted.interrupt(LOST)
  const early = await createHub({ log: scripted.log, heartbeatMs: 0 })
  const leave = new AbortController()
  const left = all(early.follow(['t'], { signal: leave.signal }))
  const events = early.follow(['t'], { from: 'start' })[Symbol.asyncIterator]()
  const waiting = take(events, 1)
  leave.abort()
  expect(await left).toEqual([])
  await other.append(texts('t', 'x'))
  scripted.resume()
  expect(await waiting).toEqual(['x'])
  await early.close()
})

test('a log that is busy is waited for, by whoever is still there', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const log: EventLog = {
    ...other,
    async read(query) {
      await promise
      return other.read(query)
    },
  }
  await other.append(texts('t', 'x'))
  const busy = await createHub({ log, heartbeatMs: 0, maxQueuedReads: 4 })
  const address = (name: string) => ({
    transport: 'socket',
    address: name,
    subject: undefined,
    credential: undefined,
  })
  const running = [1, 2, 3, 4].map((name) =>
    busy.read({ selectors: ['t'], reader: address(`${name}`) }, new AbortController().signal),
  )
  const leave = new AbortController()
  const left = all(busy.follow(['t'], { from: 'start', signal: leave.signal }))
  const refused = take(busy.follow(['t'], { from: 'start' })[Symbol.asyncIterator](), 1)
  while (busy.counters.readsRefused === 0) await Promise.resolve()
  leave.abort()
  resolve()
  expect(await left).toEqual([])
  expect(await refused).toEqual(['x'])
  await Promise.all(running)
  await busy.close()
})

test('in a log that does not know its topics, no topic ends', async () => {
  const { topics: _, ...log } = other
  const endless = await createHub({ log, heartbeatMs: 0 })
  const events = endless.follow(['t'], { from: 'start' })[Symbol.asyncIterator]()
  for (const data of ['x', 'y']) {
    await endless.publish('t', { data })
    expect(await take(events, 1)).toEqual([data])
  }
  await endless.close()
})

test('a log that is replaced is an error, because what follows is not what was followed', async () => {
  const log = { ...scripted.log }
  const moved = await createHub({ log, heartbeatMs: 0 })
  await publishAll(moved, texts('t', 'a'))
  const events = moved.follow(['t'], { from: 'start' })[Symbol.asyncIterator]()
  await take(events, 1)
  const waiting = events.next()
  // The hub attaches again, to what is another log now.
  log.describe = async () => ({ ...(await other.describe()), epoch: 'another' })
  scripted.fail(new LogError('replaced', 'The engine holds another log.'))
  await expect(waiting).rejects.toMatchObject({ code: 'cursor-gone', details: { reason: 'epoch' } })
  await moved.close()
})

test('a hub that is closed, and a log that is damaged, are errors', async () => {
  const closed = await createHub({ log: other, heartbeatMs: 0 })
  const waiting = closed.follow(['t'])[Symbol.asyncIterator]().next()
  const [rejection] = await Promise.allSettled([waiting, closed.close()])
  expect(rejection).toMatchObject({ status: 'rejected', reason: { name: 'HubError', code: 'closed' } })
  await expect(all(closed.follow(['t']))).rejects.toMatchObject({ code: 'closed' })

  const read = (): Promise<never> => Promise.reject(new LogError('corrupt', 'Page 7 is damaged.'))
  const damaged = await createHub({ log: { ...other, read }, heartbeatMs: 0, onError: () => undefined })
  await expect(all(damaged.follow(['t'], { from: 'start' }))).rejects.toMatchObject({ code: 'corrupt' })
  await damaged.close()
})

test('what cannot be followed is refused at once', () => {
  expect(() => hub.follow([])).toThrow(RangeError)
  expect(() => hub.follow(['a//b'])).toThrow(expect.objectContaining({ code: 'invalid-selector' }))
  expect(() => hub.follow(['a', 'b*'])).toThrow(expect.objectContaining({ code: 'invalid-selector' }))
})
