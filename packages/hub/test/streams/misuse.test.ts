import type { Hub } from '@tailrace/hub'
import { createMemoryLog } from '@tailrace/log'
import type { Appended, CompleteEventLog, NewEvent } from '@tailrace/log'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { publishOne } from '../opening.ts'
import { contentOf, startShortHub } from './terms.ts'

let log: CompleteEventLog
let hub: Hub
let batches: number[]

beforeEach(async () => {
  batches = []
  const inner = createMemoryLog()
  /** Slow enough that something can be written meanwhile. */
  async function append(batch: readonly NewEvent[]): Promise<readonly Appended[]> {
    batches.push(batch.length)
    await new Promise(setImmediate)
    return inner.append(batch)
  }
  log = { ...inner, append }
  hub = await startShortHub(log)
})

afterEach(async () => {
  await hub.close()
})

test('the first write goes out at once, and what is written meanwhile goes out together', async () => {
  const writer = hub.stream('t')
  await writer.opened
  batches = []
  for (let i = 0; i < 10; i += 1) void writer.write(`${i}`)
  expect(batches).toEqual([1])
  await writer.end()
  expect(batches).toEqual([1, 10])
  expect(await contentOf(hub, 't')).toHaveLength(12)
})

test('what is written before the stream is open waits for that', async () => {
  const writer = hub.stream('t')
  for (let i = 0; i < 3; i += 1) void writer.write(`${i}`)
  await writer.end()
  expect(batches).toEqual([1, 4])
})

test('no batch is larger than the hub or an engine accepts', async () => {
  await hub.close()
  hub = await startShortHub(log, {}, { maxBatchEvents: 3 })
  const writer = hub.stream('t')
  for (let i = 0; i < 7; i += 1) void writer.write(`${i}`)
  for (let i = 0; i < 3; i += 1) void writer.write('x'.repeat(200_000))
  await writer.end()
  expect(batches).toEqual([1, 3, 3, 2, 1, 2])
  expect((await contentOf(hub, 't')).slice(1, 8)).toEqual(Array.from({ length: 7 }, (_, i) => `message ${i}`))
})

test('a stream that is over can be neither written nor ended again', async () => {
  const writer = hub.stream('t')
  await writer.write('a')
  const end = await writer.end()
  const over = { code: 'stream-over', details: { topic: 't', state: 'done' } }
  await expect(writer.write('b')).rejects.toMatchObject(over)
  await expect(writer.end()).rejects.toMatchObject(over)
  await expect(writer.fail(new Error('late'))).rejects.toMatchObject(over)
  await writer.flush()
  expect(writer.signal.aborted).toBe(false)
  expect(await hub.findStream('t')).toEqual({
    topic: 't',
    start: await writer.opened,
    state: 'done',
    end,
  })
  expect(await contentOf(hub, 't')).toHaveLength(3)
})

test('an end that was not awaited wins over what is called after it', async () => {
  const writer = hub.stream('t')
  const ended = writer.end({ type: 'last', data: 'z' })
  await expect(writer.fail(new Error('late'))).rejects.toMatchObject({ code: 'stream-over' })
  await ended
  expect((await contentOf(hub, 't')).slice(1)).toEqual(['last z end'])
})

test.each<[string, unknown, string | undefined, object]>([
  ['not JSON', () => 1, undefined, { name: 'TypeError' }],
  [
    'circular',
    (() => {
      const a: unknown[] = []
      a.push(a)
      return a
    })(),
    undefined,
    { name: 'TypeError' },
  ],
  ['a big integer', 1n, undefined, { name: 'TypeError' }],
  [
    'too large',
    'x'.repeat(2 * 1024 * 1024),
    undefined,
    { code: 'event-too-large', details: { bytes: 2_097_152 } },
  ],
  ['not Unicode', '\ud800', undefined, { code: 'invalid-data' }],
  ['a forged end', '{}', 'tailrace.done', { code: 'reserved-type' }],
  ['a forged line', 'a', 'x\nid: 7', { code: 'invalid-type' }],
])('an event that is %s is refused, and the stream continues', async (_, data, type, error) => {
  const writer = hub.stream('t')
  await expect(writer.write(data, { type })).rejects.toMatchObject(error)
  await expect(writer.end({ type, data })).rejects.toMatchObject(error)
  await writer.write('fine')
  await writer.end()
  expect((await contentOf(hub, 't')).slice(1)).toEqual(['message fine', 'tailrace.done {} end'])
})

test('an end that is the data itself is refused, and the stream continues', async () => {
  const writer = hub.stream('t')
  await expect(writer.end({ total: 12 } as object)).rejects.toThrow('without "total"')
  await writer.end()
  expect(await contentOf(hub, 't')).toHaveLength(2)
})

test.each([
  ['', 'invalid-topic'],
  [undefined as unknown as string, 'invalid-topic'],
  ['a//b', 'invalid-topic'],
  ['a/*', 'invalid-topic'],
  ['x'.repeat(257), 'invalid-topic'],
])('the topic %j is refused', async (topic, code) => {
  expect(() => hub.stream(topic)).toThrow(expect.objectContaining({ code }) as Error)
  await expect(hub.findStream(topic)).rejects.toMatchObject({ code })
  await expect(hub.cancelStream(topic)).rejects.toMatchObject({ code })
})

test.each([-1, Number.NaN, 31 * 24 * 3_600_000, '5', null])(
  'a time to live of %j milliseconds is refused',
  (ttlMs) => {
    expect(() => hub.stream('t', { ttlMs: ttlMs as number })).toThrow(RangeError)
  },
)

test('a signal that is none is refused before anything is stored', async () => {
  expect(() => hub.stream('t', { signal: {} as AbortSignal })).toThrow('`signal` must be an AbortSignal')
  await hub.stream('t').end()
  expect(await contentOf(hub, 't')).toHaveLength(2)
})

test('a topic that has ordinary events, or none, is not a stream', async () => {
  await publishOne(hub, { topic: 'ordinary', data: 'a' })
  await publishOne(hub, { topic: 'ended', data: 'a', end: true })
  for (const topic of ['ordinary', 'ended', 'unknown']) {
    expect(await hub.findStream(topic)).toBeUndefined()
    await expect(hub.cancelStream(topic)).rejects.toMatchObject({
      code: 'unknown-stream',
      details: { topic },
    })
  }
  for (const topic of ['ordinary', 'ended'])
    await expect(hub.stream(topic).opened).rejects.toMatchObject({
      code: 'stream-exists',
      details: { topic },
    })
})

test('what others publish to the topic is part of the stream, and their end ends it', async () => {
  const writer = hub.stream('t')
  await writer.opened
  await publishOne(hub, { topic: 't', data: 'of another' })
  await publishOne(hub, { topic: 't', data: 'the end', end: true })
  expect(writer.signal.reason).toMatchObject({ code: 'stream-over', details: { state: 'done' } })
  await expect(writer.end()).rejects.toMatchObject({ code: 'stream-over', details: { state: 'done' } })
})

test("the application's signal cancels the stream, and drops what is waiting", async () => {
  const abort = new AbortController()
  const writer = hub.stream('t', { signal: abort.signal })
  await writer.write('a')
  await writer.flush()
  void writer.write('in flight')
  void writer.write('dropped')
  abort.abort()
  expect(writer.signal.reason).toMatchObject({ code: 'stream-over', details: { code: 'cancelled' } })
  await expect(writer.flush()).rejects.toMatchObject({ code: 'stream-over' })
  await expect.poll(() => hub.findStream('t')).toMatchObject({ state: 'failed', code: 'cancelled' })
  expect((await contentOf(hub, 't')).slice(1, -1)).toEqual(['message a', 'message in flight'])
  const late = hub.stream('u', { signal: abort.signal })
  await expect(late.write('a')).rejects.toMatchObject({ code: 'stream-over' })
})

test('what was on its way when the topic was purged does not stay there', async () => {
  const writer = hub.stream('t')
  await writer.opened
  void writer.write('on its way')
  await hub.purge('t')
  expect(writer.signal.reason).toMatchObject({ code: 'stream-over', details: { state: 'purged' } })
  const list = async (): Promise<unknown> => hub.topics({ prefix: '', after: '', limit: 10 })
  await expect.poll(list).toEqual([])
  await new Promise(setImmediate)
  await expect.poll(list).toEqual([])
  await hub.stream('t').end()
  expect(await contentOf(hub, 't')).toHaveLength(2)
})

test.each(['topics', 'shared'] as const)(
  'a log without the capability %s has no streams',
  async (capability) => {
    const { [capability]: _, ...partial } = log
    const limited = await startShortHub(partial)
    await expect(limited.stream('t').opened).rejects.toMatchObject({
      code: 'unsupported',
      details: { capability },
    })
    await limited.close()
  },
)

test('a topic is used for one stream after another, if each is purged', async () => {
  for (let i = 0; i < 4; i += 1) {
    await hub.stream('t').end({ data: `${i}` })
    await expect(hub.stream('t').opened).rejects.toMatchObject({ code: 'stream-exists' })
    expect(await hub.purge('t')).toBe(true)
  }
})
