import { createHub } from '@tailrace/hub'
import type { Hub, HubOptions } from '@tailrace/hub'
import { createMemoryLog } from '@tailrace/log'
import type { EventLog } from '@tailrace/log'
import { createRandom, testSeed } from '@tailrace/testkit'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { open, publishOne, reading } from './opening.ts'
import { createScriptedSink } from './scripted-sink.ts'

const HEARTBEAT_MS = 15_000

let log: EventLog
let hub: Hub

async function start(options: HubOptions = {}): Promise<void> {
  hub = await createHub({ log, heartbeatMs: HEARTBEAT_MS, ...options })
}

beforeEach(() => {
  vi.useFakeTimers()
  log = createMemoryLog()
})

afterEach(async () => {
  await hub.close()
  vi.useRealTimers()
})

test('an idle stream is sent a colon and a line feed, and nothing else', async () => {
  await start()
  const sink = await open(hub, { selectors: ['t'] })
  const before = sink.text()
  await vi.advanceTimersByTimeAsync(4 * HEARTBEAT_MS)
  expect(sink.text().slice(before.length)).toBe(':\n'.repeat(4))
})

test('a busy stream is sent none', async () => {
  await start()
  const sink = await open(hub, { selectors: ['t'] })
  for (let i = 0; i < 40; i += 1) {
    await publishOne(hub, { topic: 't', data: 'x' })
    await vi.advanceTimersByTimeAsync(HEARTBEAT_MS / 4)
  }
  expect(sink.text()).not.toContain('\n:')
})

test('no stream is silent for longer than the heartbeat, whenever its last event was', async () => {
  const seed = testSeed()
  const random = createRandom(seed)
  await start()
  const sink = await open(hub, { selectors: ['t'] })
  const STEP_MS = 250
  let silence = 0
  let seen = sink.chunks.length
  let longest = 0
  let beats = 0
  for (let now = 0; now < 100 * HEARTBEAT_MS; now += STEP_MS) {
    if (random.chance(STEP_MS / HEARTBEAT_MS / 2)) await publishOne(hub, { topic: 't', data: 'x' })
    await vi.advanceTimersByTimeAsync(STEP_MS)
    silence += STEP_MS
    if (sink.chunks.length === seen) continue
    if (Buffer.from(sink.chunks.at(-1)!).toString() === ':\n') beats += 1
    seen = sink.chunks.length
    longest = Math.max(longest, silence)
    silence = 0
  }
  expect(longest, `seed ${seed}`).toBeLessThanOrEqual(HEARTBEAT_MS + STEP_MS)
  expect(beats, `seed ${seed}`).toBeGreaterThan(0)
})

test('none is written into a frame, nor to a reader that takes nothing', async () => {
  await start({ stallMs: 100 * HEARTBEAT_MS })
  const sink = await open(hub, { selectors: ['t'] })
  sink.drain(1)
  await publishOne(hub, { topic: 't', data: 'x'.repeat(200 * 1024) })
  const before = sink.text().length
  await vi.advanceTimersByTimeAsync(3 * HEARTBEAT_MS)
  expect(sink.text().length).toBe(before)
  sink.drain()
  await sink.untilEvents(2)
  expect(sink.events().at(-1)!.data).toBe('x'.repeat(200 * 1024))
})

test('none is written into a frame whose rest is being read from the log', async () => {
  const gate = Promise.withResolvers<void>()
  const slow: EventLog = {
    ...log,
    async read(query) {
      await gate.promise
      return log.read(query)
    },
  }
  hub = await createHub({ log: slow, heartbeatMs: HEARTBEAT_MS, windowBytes: 0 })
  const sink = await open(hub, { selectors: ['t'] })
  sink.drain(1)
  await publishOne(hub, { topic: 't', data: 'x'.repeat(100 * 1024) })
  await publishOne(hub, { topic: 't', data: 'y' })
  const before = sink.text().length
  sink.drain()
  await vi.advanceTimersByTimeAsync(3 * HEARTBEAT_MS)
  expect(sink.text().length).toBe(before)
  gate.resolve()
  await sink.untilEvents(3)
  expect(sink.story().map((one) => one.length)).toEqual(['tailrace.live'.length, 100 * 1024, 1])
})

test('one that goes out while a page is read leaves the page for later when it fills the sink', async () => {
  await publishToLog('a')
  const gate = Promise.withResolvers<void>()
  const slow: EventLog = {
    ...log,
    async read(query) {
      await gate.promise
      return log.read(query)
    },
  }
  hub = await createHub({ log: slow, heartbeatMs: HEARTBEAT_MS })
  const sink = createScriptedSink(2)
  await hub.subscribe(reading({ selectors: ['t'], from: 'start' }), () => sink)
  await vi.advanceTimersByTimeAsync(2 * HEARTBEAT_MS)
  gate.resolve()
  await vi.advanceTimersByTimeAsync(0)
  expect(sink.text()).toMatch(/^retry: \d+\n\n:\n$/)
  sink.drain()
  await sink.untilEvents(2)
  expect(sink.story()).toEqual(['a', 'tailrace.live'])
})

test('a heartbeat of 0 turns it off', async () => {
  await start({ heartbeatMs: 0 })
  const sink = await open(hub, { selectors: ['t'] })
  await vi.advanceTimersByTimeAsync(1_000_000)
  expect(sink.chunks).toHaveLength(2)
  // Those of retention, of the watch for stalled readers, and of the search for streams.
  expect(vi.getTimerCount()).toBe(3)
})

test('a hub that is closed beats no more', async () => {
  await start()
  await open(hub, { selectors: ['t'] })
  await hub.close()
  expect(vi.getTimerCount()).toBe(0)
})

async function publishToLog(data: string): Promise<void> {
  await log.append([{ topic: 't', data }])
}
