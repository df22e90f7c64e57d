import { createHub } from '@tailrace/hub'
import type { Hub, HubOptions, Subscription } from '@tailrace/hub'
import { createMemoryEngine } from '@tailrace/log'
import type { CompleteEventLog } from '@tailrace/log'
import { createScriptedLog } from '@tailrace/testkit'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { open, publishAll, publishOne, reading, texts } from './opening.ts'
import { createScriptedSink } from './scripted-sink.ts'
import type { ScriptedSink } from './scripted-sink.ts'

const KIB = 1024

let log: CompleteEventLog
let hub: Hub
let errors: unknown[]

async function start(options: HubOptions = {}): Promise<void> {
  errors = []
  hub = await createHub({
    log,
    heartbeatMs: 0,
    batchMs: 0,
    onError: (error) => errors.push(error),
    ...options,
  })
}

beforeEach(async () => {
  log = createMemoryEngine().open()
  await start()
})

afterEach(async () => {
  await hub.close()
})

function isLive(sink: ScriptedSink): boolean {
  return sink.story().includes('tailrace.live')
}

/** A state that the test decides when to return. */
function pending(): { readonly snapshot: () => Promise<{ data: string }>; resolve(data: string): void } {
  const { promise, resolve } = Promise.withResolvers<{ data: string }>()
  return { snapshot: () => promise, resolve: (data) => resolve({ data }) }
}

test('the state comes first, and everything published since it was asked for follows it', async () => {
  await publishAll(hub, texts('t', 'before'))
  const { snapshot, resolve } = pending()
  const sink = createScriptedSink()
  await hub.subscribe(reading({ selectors: ['t'], snapshot }), () => sink)
  const [during] = await publishAll(hub, texts('t', 'during'))
  expect(sink.story()).toEqual([])
  resolve('state')
  await sink.until(isLive)
  await publishAll(hub, texts('t', 'after'))
  expect(sink.story()).toEqual(['state', 'during', 'tailrace.live', 'after'])
  expect(sink.events()[1]).toMatchObject({ data: 'during', lastEventId: during })
})

test('it carries the id of its position, from which a reader resumes without it', async () => {
  const [before] = await publishAll(hub, texts('t', 'before'))
  const snapshot = (): { type: string; key: string; data: object } => ({
    type: 'state',
    key: 'k',
    data: { n: 1 },
  })
  const sink = await open(hub, { selectors: ['t'], snapshot })
  await sink.until(isLive)
  expect(sink.events()[0]).toMatchObject({ type: 'state', key: 'k', data: '{"n":1}', lastEventId: before })
  await publishAll(hub, texts('t', 'after'))
  const again = await open(hub, { selectors: ['t'], snapshot, from: before })
  await again.until(isLive)
  expect(again.story()).toEqual(['after', 'tailrace.live'])
})

test('an empty log has a position as well', async () => {
  const sink = await open(hub, { selectors: ['t', 'u'], snapshot: async () => ({ data: 'state' }) })
  await sink.until(isLive)
  expect(sink.events()[0]).toMatchObject({ data: 'state', topic: 't' })
  await publishAll(hub, texts('u', 'first'))
  expect(sink.story()).toEqual(['state', 'tailrace.live', 'first'])
})

test('on a node whose tail is late, the state covers what the node has acknowledged', async () => {
  await hub.close()
  const scripted = createScriptedLog(log)
  log = scripted.log
  await start()
  scripted.hold()
  await publishAll(hub, texts('t', 'acknowledged'))
  const sink = await open(hub, { selectors: ['t'], snapshot: () => ({ data: 'state' }) })
  scripted.release()
  await publishAll(hub, texts('t', 'after'))
  await sink.until(() => sink.story().includes('after'))
  expect(sink.story().filter((one) => one !== 'tailrace.live')).toEqual(['state', 'after'])
})

test('it is sent again after a gap, if the reader wants that', async () => {
  await publishAll(hub, texts('t', 'a', 'b'))
  let count = 0
  const snapshot = (): { data: string } => ({ data: `state ${(count += 1)}` })
  const sink = await open(hub, { selectors: ['t'], snapshot, gap: 'snapshot', from: 'otherlife.7' })
  await sink.until(isLive)
  expect(sink.story()).toEqual(['tailrace.gap', 'state 1', 'tailrace.live'])
  const replaying = await open(hub, { selectors: ['t'], snapshot, from: 'otherlife.7' })
  await replaying.until(isLive)
  expect(replaying.story()).toEqual(['tailrace.gap', 'a', 'b', 'tailrace.live'])
})

test('a large state is written in parts to a slow reader, and computed once', async () => {
  let count = 0
  const data = 'x'.repeat(300 * KIB)
  const snapshot = (): { data: string } => {
    count += 1
    return { data }
  }
  const sink = await open(hub, { selectors: ['t'], snapshot }, 2)
  await publishAll(hub, texts('t', 'after'))
  for (let i = 0; i < 8; i += 1) {
    await new Promise(setImmediate)
    sink.drain(1)
  }
  sink.drain()
  await sink.until(isLive)
  expect(sink.story()).toEqual([data, 'after', 'tailrace.live'])
  expect(count).toBe(1)
})

test.each<[string, Subscription['snapshot'], string]>([
  ['throws', () => Promise.reject(new Error('the database is down')), 'the database is down'],
  [
    'throws at once',
    () =>
      (() => {
        throw new Error('a fault')
      })(),
    'a fault',
  ],
  ['is too large', () => ({ data: 'x'.repeat(2 * KIB * KIB) }), 'The event has 2097152 bytes'],
  ['is no event', () => ({ total: 12 }) as object, 'such as `{ type, data }`, without "total"'],
  ['is nothing', () => undefined as unknown as object, 'not undefined'],
  ['has no JSON', () => ({ data: () => 1 }), '`data` must be text or a JSON value'],
  ['could forge a control event', () => ({ type: 'tailrace.live', data: '' }), 'reserved for the hub'],
])('a state that %s ends the stream with the reason, and is reported', async (_, snapshot, reason) => {
  const sink = await open(hub, { selectors: ['t'], snapshot })
  await sink.until(() => sink.outcome === 'ended')
  expect(sink.events().at(-1)).toMatchObject({ type: 'tailrace.error', data: '{"code":"snapshot-failed"}' })
  expect(errors).toMatchObject([{ message: expect.stringContaining(reason) as string }])
  expect(hub.counters.closes['snapshot-failed']).toBe(1)
})

test('a reader that leaves before its state is computed receives nothing of it', async () => {
  const { snapshot, resolve } = pending()
  const sink = await open(hub, { selectors: ['t'], snapshot })
  sink.leave()
  resolve('state')
  await new Promise(setImmediate)
  expect(sink.story()).toEqual([])
  expect(hub.counters.closes.client).toBe(1)
})

test('an idle stream whose state is not computed yet is kept open by heartbeats', async () => {
  await hub.close()
  await start({ heartbeatMs: 20 })
  const { snapshot, resolve } = pending()
  const sink = await open(hub, { selectors: ['t'], snapshot })
  await sink.until(() => sink.text().endsWith(':\n:\n'))
  resolve('state')
  await sink.until(isLive)
  expect(sink.story()).toEqual(['state', 'tailrace.live'])
})

test('slow readers hold no more state than memory is meant for', async () => {
  await hub.close()
  await start({ windowBytes: 0, windowTotalBytes: 500 * KIB })
  const snapshot = (): { data: string } => ({ data: 'x'.repeat(200 * KIB) })
  const sinks: ScriptedSink[] = []
  for (let i = 0; i < 4; i += 1) {
    const sink = await open(hub, { selectors: ['t'], snapshot }, 2)
    await sink.until(() => sink.text().includes('xxx'))
    sinks.push(sink)
  }
  expect(sinks.map(({ outcome }) => outcome)).toEqual(['destroyed', 'destroyed', 'open', 'open'])
  expect(hub.counters.closes.busy).toBe(2)
  for (const sink of sinks.slice(2)) {
    sink.drain()
    await sink.until(isLive)
  }
})

test('events that were conflated away while the state was computed are contained in it', async () => {
  const { snapshot, resolve } = pending()
  const set = (data: string): { topic: string; key: string; data: string } => ({ topic: 't', key: 'k', data })
  const other = await open(hub, { selectors: ['t'], conflateMs: 20 })
  await publishOne(hub, set('1'))
  const sink = await open(hub, { selectors: ['t'], snapshot, conflateMs: 20 })
  await publishOne(hub, set('2'))
  await publishOne(hub, set('3'))
  resolve('state')
  await sink.until(() => sink.story().includes('3'))
  await other.until(() => other.story().includes('3'))
  expect(sink.story()[0]).toBe('state')
})
