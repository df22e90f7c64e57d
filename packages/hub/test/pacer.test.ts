import { createHub } from '@tailrace/hub'
import type { Hub, HubOptions } from '@tailrace/hub'
import { createMemoryLog } from '@tailrace/log'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { open, publishOne, texts } from './opening.ts'
import type { ScriptedSink } from './scripted-sink.ts'

const BATCH_MS = 5

let hub: Hub

async function start(options: HubOptions = {}): Promise<void> {
  hub = await createHub({ log: createMemoryLog(), heartbeatMs: 0, batchMs: BATCH_MS, ...options })
}

beforeEach(() => void vi.useFakeTimers())

afterEach(async () => {
  await hub.close()
  vi.useRealTimers()
})

/** A stream that has been quiet for long enough, beside another one. */
async function openQuiet(): Promise<ScriptedSink> {
  const sink = await open(hub, { selectors: ['t'] })
  await open(hub, { selectors: ['t'] })
  await vi.advanceTimersByTimeAsync(2 * BATCH_MS)
  return sink
}

test('a quiet lane hands out an event before its publisher is answered', async () => {
  await start()
  const sink = await openQuiet()
  await publishOne(hub, { topic: 't', data: 'at once' })
  expect(sink.story().at(-1)).toBe('at once')
})

test('events that come singly are handed out at once, however soon they follow', async () => {
  await start()
  const sink = await openQuiet()
  for (const data of ['a', 'b', 'c']) {
    const before = sink.chunks.length
    await publishOne(hub, { topic: 't', data })
    expect(sink.chunks).toHaveLength(before + 1)
    expect(sink.story().at(-1)).toBe(data)
  }
})

test('a busy lane hands out what comes within the delay as one write', async () => {
  await start()
  const sink = await openQuiet()
  await hub.publish(texts('t', 'many', 'at', 'once'))
  const before = sink.chunks.length
  for (const data of ['a', 'b', 'c']) await publishOne(hub, { topic: 't', data })
  expect(sink.chunks).toHaveLength(before)
  await vi.advanceTimersByTimeAsync(BATCH_MS)
  expect(sink.chunks).toHaveLength(before + 1)
  expect(sink.story().slice(-3)).toEqual(['a', 'b', 'c'])
})

test('a lane whose events come singly, but faster than they could be written, waits for more', async () => {
  await start()
  const sink = await openQuiet()
  for (const data of ['a', 'b', 'c', 'd']) await publishOne(hub, { topic: 't', data })
  const before = sink.chunks.length
  for (const data of ['e', 'f', 'g']) await publishOne(hub, { topic: 't', data })
  expect(sink.chunks).toHaveLength(before)
  await vi.advanceTimersByTimeAsync(BATCH_MS)
  expect(sink.chunks).toHaveLength(before + 1)
  expect(sink.story().slice(-3)).toEqual(['e', 'f', 'g'])
})

test('a lane with one reader is never so busy that it waits', async () => {
  await start()
  const sink = await open(hub, { selectors: ['t'] })
  for (const words of [['one', 'of', 'many'], ['or', 'three', 'tokens'], ['!']]) {
    await hub.publish(texts('t', ...words))
    expect(sink.story().at(-1)).toBe(words.at(-1))
  }
})

test('a lane that was busy is not for long: what comes after the delay is handed out at once', async () => {
  await start()
  const sink = await openQuiet()
  await hub.publish(texts('t', 'many', 'at', 'once'))
  await vi.advanceTimersByTimeAsync(BATCH_MS)
  await publishOne(hub, { topic: 't', data: 'single' })
  expect(sink.story().at(-1)).toBe('single')
})

test('a busy lane does not wait once there is a sink full to hand out', async () => {
  await start()
  const sink = await openQuiet()
  await hub.publish(texts('t', 'many', 'at', 'once'))
  await publishOne(hub, { topic: 't', data: 'x'.repeat(64 * 1024) })
  expect(sink.events().at(-1)!.data).toHaveLength(64 * 1024)
})

test('without a delay each event is written by itself', async () => {
  await start({ batchMs: 0 })
  const sink = await openQuiet()
  const before = sink.chunks.length
  for (const data of ['a', 'b', 'c']) await publishOne(hub, { topic: 't', data })
  expect(sink.chunks).toHaveLength(before + 3)
})

test('a lane of many readers lets another lane have its turn', async () => {
  vi.useRealTimers()
  await start({ batchMs: 0 })
  const crowd = await Promise.all(Array.from({ length: 5_000 }, () => open(hub, { selectors: ['crowd'] })))
  const single = await open(hub, { selectors: ['single'] })
  await publishOne(hub, { topic: 'crowd', data: 'to all' })
  await publishOne(hub, { topic: 'single', data: 'to one' })
  await single.untilEvents(2)
  // Served between two shares of the crowd, most of which is still to come.
  expect(crowd.filter((sink) => sink.chunks.length > 2).length).toBeLessThan(crowd.length / 2)
  await Promise.all(crowd.map((sink) => sink.untilEvents(2)))
  expect(crowd.every((sink) => sink.story().at(-1) === 'to all')).toBe(true)
})
