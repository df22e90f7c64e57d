import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { createMemoryLog } from '@tailrace/log'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { open, publishOne } from './opening.ts'

const AGE_MS = 60_000

let hub: Hub

beforeEach(async () => {
  vi.useFakeTimers()
  hub = await createHub({ log: createMemoryLog(), heartbeatMs: 0, batchMs: 0, maxStreamAgeMs: AGE_MS })
})

afterEach(async () => {
  await hub.close()
  vi.useRealTimers()
})

test('streams end at ages of their own, told why, and go on from there', async () => {
  const sinks = await Promise.all(Array.from({ length: 100 }, () => open(hub, { selectors: ['t'] })))
  const alive = (): number => sinks.filter(({ outcome }) => outcome === 'open').length
  await vi.advanceTimersByTimeAsync(AGE_MS / 2 - 1_000)
  expect(alive()).toBe(100)
  await vi.advanceTimersByTimeAsync(AGE_MS / 2 + 1_000)
  expect(alive()).toBeGreaterThan(20)
  expect(alive()).toBeLessThan(80)
  await vi.advanceTimersByTimeAsync(AGE_MS / 2)
  expect(alive()).toBe(0)
  expect(hub.counters.closes).toMatchObject({ 'max-age': 100, 'token-expired': 0 })
  for (const sink of sinks)
    expect(sink.text()).toMatch(/event: tailrace\.error\ndata: \{"code":"max-age"\}\n\n$/)

  await publishOne(hub, { topic: 't', data: 'meanwhile' })
  const again = await open(hub, { selectors: ['t'], from: sinks[0]!.lastEventId() })
  await again.until(() => again.story().includes('tailrace.live'))
  expect(again.story()).toEqual(['meanwhile', 'tailrace.live'])
})

test('a token that expires first ends the stream as it always does', async () => {
  await open(hub, { selectors: ['t'], until: Date.now() + AGE_MS / 4 })
  await vi.advanceTimersByTimeAsync(AGE_MS / 2)
  expect(hub.counters.closes).toMatchObject({ 'max-age': 0, 'token-expired': 1 })
})
