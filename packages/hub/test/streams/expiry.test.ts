import { createMemoryLog } from '@tailrace/log'
import type { CompleteEventLog, StoredEvent } from '@tailrace/log'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Expiry } from '../../src/streams/expiry.ts'

const ROUND_MS = 1_000

let log: CompleteEventLog
let expiry: Expiry

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'setInterval', 'clearInterval'] })
  log = createMemoryLog()
  expiry = new Expiry(log, ROUND_MS, (error) => {
    throw error
  })
})

afterEach(() => {
  expiry.stop()
  vi.useRealTimers()
})

async function ended(topic: string): Promise<StoredEvent> {
  await log.append([{ topic, data: '', end: true }])
  const { events } = await log.read({ selectors: [topic], after: 0, limit: 1, maxBytes: 1 })
  return events[0]!
}

async function isThere(topic: string): Promise<boolean> {
  return (await log.topics.ended([topic]))[0] !== undefined
}

test('the hub that produced a stream purges its topic first, and another one only if it is still there', async () => {
  for (const isOwn of [true, false]) expiry.add(`${isOwn}`, await ended(`${isOwn}`), 0, isOwn)
  await vi.advanceTimersByTimeAsync(ROUND_MS)
  expect([await isThere('true'), await isThere('false')]).toEqual([false, true])
  await vi.advanceTimersByTimeAsync(5 * ROUND_MS)
  expect(await isThere('false')).toBe(false)
})

test('a topic that has ended again since is not purged before the time of its new end', async () => {
  expiry.add('t', await ended('t'), 0, true)
  await log.retention.purge('t')
  await ended('t')
  await vi.advanceTimersByTimeAsync(2 * ROUND_MS)
  expect(await isThere('t')).toBe(true)
})
