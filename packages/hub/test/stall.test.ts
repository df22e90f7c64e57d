import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { createMemoryLog } from '@tailrace/log'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { open, publishOne } from './opening.ts'

const STALL_MS = 30_000

let hub: Hub

beforeEach(async () => {
  vi.useFakeTimers()
  hub = await createHub({ log: createMemoryLog(), heartbeatMs: 0, batchMs: 0, stallMs: STALL_MS })
})

afterEach(async () => {
  await hub.close()
  vi.useRealTimers()
})

test('a reader that takes nothing for the stall time is cut, and finds everything when it comes back', async () => {
  const sink = await open(hub, { selectors: ['t'] })
  sink.drain(1)
  await publishOne(hub, { topic: 't', data: 'taken' })
  await publishOne(hub, { topic: 't', data: 'missed' })
  await vi.advanceTimersByTimeAsync(STALL_MS - 1)
  expect(sink.outcome).toBe('open')
  await vi.advanceTimersByTimeAsync(STALL_MS)
  expect(sink.outcome).toBe('destroyed')
  expect(hub.counters.closes).toMatchObject({ stalled: 1, client: 0 })

  const again = await open(hub, { selectors: ['t'], from: sink.lastEventId() })
  await again.until(() => again.story().includes('tailrace.live'))
  expect(again.story()).toEqual(['missed', 'tailrace.live'])
})

test('a reader that is slow and takes something from time to time is left alone', async () => {
  const sink = await open(hub, { selectors: ['t'] })
  for (let i = 0; i < 10; i += 1) {
    sink.drain(1)
    await publishOne(hub, { topic: 't', data: `${i}` })
    await vi.advanceTimersByTimeAsync(STALL_MS * 0.7)
  }
  expect(sink.outcome).toBe('open')
})

test('a stream that has ended behind what its reader does not take is cut as well', async () => {
  const stuck = await open(hub, { selectors: ['t'], until: Date.now() + 1_000 })
  stuck.drain(0)
  const well = await open(hub, { selectors: ['t'], until: Date.now() + 1_000 })
  await vi.advanceTimersByTimeAsync(1_000)
  expect([stuck.outcome, well.outcome]).toEqual(['ended', 'ended'])
  await vi.advanceTimersByTimeAsync(STALL_MS)
  expect([stuck.outcome, well.outcome]).toEqual(['destroyed', 'ended'])
})

test('a reader to whom nothing is sent is left alone', async () => {
  const sink = await open(hub, { selectors: ['t'] })
  await vi.advanceTimersByTimeAsync(10 * STALL_MS)
  expect(sink.outcome).toBe('open')
})
