import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { createMemoryLog } from '@tailrace/log'
import type { NewEvent, StoredEvent } from '@tailrace/log'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { newestOfKeys } from '../src/conflation.ts'
import { open, publishAll, publishOne, texts } from './opening.ts'
import type { ScriptedSink } from './scripted-sink.ts'

const EVERY = 250

let hub: Hub

beforeEach(async () => {
  vi.useFakeTimers()
  hub = await createHub({ log: createMemoryLog(), heartbeatMs: 0, batchMs: 0, windowBytes: 64 * 1024 })
})

afterEach(async () => {
  await hub.close()
  vi.useRealTimers()
})

function keyed(key: string, data: string): NewEvent {
  return { topic: 't', key, data }
}

function subscribe(options: { from?: string; snapshot?: boolean } = {}): Promise<ScriptedSink> {
  return open(hub, { selectors: ['t'], conflateMs: EVERY, ...options })
}

describe('a live reader', () => {
  test('is told at once after a quiet while, and then of the newest of each key, once a while', async () => {
    const sink = await subscribe()
    await publishOne(hub, keyed('a', 'a1'))
    expect(sink.story()).toEqual(['tailrace.live', 'a1'])
    await publishAll(hub, [keyed('a', 'a2'), keyed('b', 'b1'), keyed('a', 'a3')])
    expect(sink.story()).toEqual(['tailrace.live', 'a1'])
    await vi.advanceTimersByTimeAsync(EVERY)
    expect(sink.story()).toEqual(['tailrace.live', 'a1', 'b1', 'a3'])
    await vi.advanceTimersByTimeAsync(10 * EVERY)
    await publishOne(hub, keyed('b', 'b2'))
    expect(sink.story().slice(4)).toEqual(['b2'])
  })

  test('is told of a removal as the newest of its key, and of a key that is set again', async () => {
    const sink = await subscribe()
    await publishOne(hub, keyed('a', 'a1'))
    await publishAll(hub, [
      keyed('a', 'a2'),
      keyed('b', 'b1'),
      { ...keyed('a', 'a gone'), remove: true },
      { ...keyed('b', 'b gone'), remove: true },
      keyed('b', 'b2'),
    ])
    await vi.advanceTimersByTimeAsync(EVERY)
    expect(sink.story()).toEqual(['tailrace.live', 'a1', 'a gone', 'b2'])
    expect(sink.events().map(({ remove }) => remove)).toEqual([false, false, true, false])
  })

  test('within a frame gets the rest of it, though a newer event has taken its place', async () => {
    // As a frame, each line has a field of its own.
    const text = (letter: string): string => `${letter}\n`.repeat(15 * 1024)
    const sink = await subscribe()
    sink.drain(1)
    await publishOne(hub, keyed('a', text('o')))
    await vi.advanceTimersByTimeAsync(EVERY)
    await publishOne(hub, keyed('a', text('n')))
    await vi.advanceTimersByTimeAsync(EVERY)
    sink.drain()
    await vi.advanceTimersByTimeAsync(EVERY)
    expect(sink.outcome).toBe('open')
    expect(sink.story()).toEqual(['tailrace.live', text('o'), text('n')])
  })

  test('of a batch gets the newest of each key at once', async () => {
    const sink = await subscribe()
    await hub.publish([keyed('a', 'a1'), keyed('b', 'b1'), keyed('a', 'a2')])
    expect(sink.story()).toEqual(['tailrace.live', 'b1', 'a2'])
  })

  test('gets every event that has no key', async () => {
    const sink = await subscribe()
    await hub.publish([...texts('t', 'x', 'y'), keyed('a', 'a1'), ...texts('t', 'z')])
    expect(sink.story()).toEqual(['tailrace.live', 'x', 'y', 'a1', 'z'])
  })

  test('does not take the same key of two topics for one', async () => {
    const sink = await open(hub, { selectors: ['t/*'], conflateMs: EVERY })
    await hub.publish([
      { topic: 't/1', key: 'a', data: 'of one' },
      { topic: 't/2', key: 'a', data: 'of the other' },
    ])
    expect(sink.story()).toEqual(['tailrace.live', 'of one', 'of the other'])
  })

  test('is not held up for the sake of memory: what is held back leaves when it fills the window', async () => {
    const sink = await subscribe()
    await publishOne(hub, keyed('a', 'a1'))
    await publishOne(hub, keyed('b', 'x'.repeat(64 * 1024)))
    expect(sink.events()).toHaveLength(3)
  })

  test('leaves its neighbours that want everything alone', async () => {
    const all = await open(hub, { selectors: ['t'] })
    const sink = await subscribe()
    await publishAll(hub, [keyed('a', 'a1'), keyed('a', 'a2'), keyed('a', 'a3')])
    expect(all.story()).toEqual(['tailrace.live', 'a1', 'a2', 'a3'])
    expect(sink.story()).toEqual(['tailrace.live', 'a1'])
  })

  test('is told of the end after all that was held back', async () => {
    const sink = await subscribe()
    await publishAll(hub, [keyed('a', 'a1'), keyed('a', 'a2'), { topic: 't', data: 'bye', end: true }])
    expect(sink.outcome).toBe('open')
    await vi.advanceTimersByTimeAsync(EVERY)
    expect(sink.story()).toEqual(['tailrace.live', 'a1', 'a2', 'bye', 'tailrace.end'])
    expect(sink.outcome).toBe('ended')
  })

  test('gets nothing that was purged while it was held back, and is told that something is gone', async () => {
    const sink = await subscribe()
    await publishAll(hub, [keyed('a', 'a1'), keyed('a', 'a2')])
    await hub.purge('t')
    await publishOne(hub, keyed('b', 'b1'))
    await vi.advanceTimersByTimeAsync(2 * EVERY)
    expect(sink.story()).toEqual(['tailrace.live', 'a1', 'tailrace.gap', 'b1', 'tailrace.live'])
  })
})

describe('a reader that comes while something is held back', () => {
  test('gets it, although the log is further', async () => {
    const first = await subscribe()
    const [id] = await publishAll(hub, [keyed('a', 'a1'), keyed('a', 'a2'), keyed('b', 'b1')])
    const resumed = await subscribe({ from: id! })
    await vi.advanceTimersByTimeAsync(EVERY)
    const [tip] = resumed.events().filter(({ type }) => type === 'tailrace.live')
    expect(resumed.story().filter((told) => !told.startsWith('tailrace.'))).toEqual(['a2', 'b1'])
    expect(first.story()).toEqual(['tailrace.live', 'a1', 'a2', 'b1'])
    // What it would resume from if it were cut now lies before nothing that it has not seen.
    const again = await subscribe({ from: tip!.lastEventId })
    await vi.advanceTimersByTimeAsync(EVERY)
    expect(again.story().at(-1)).toMatch(/^(b1|tailrace\.live)$/)
  })

  test('and names no place, has after its snapshot what was held back, once', async () => {
    await subscribe()
    await publishAll(hub, [keyed('a', 'a1'), keyed('a', 'a2')])
    const sink = await subscribe({ snapshot: true })
    await sink.until(() => sink.story().includes('tailrace.live'))
    await vi.advanceTimersByTimeAsync(EVERY)
    expect(sink.story()).toEqual(['a2', 'tailrace.live'])
  })
})

test('a replay leaves out what a newer event replaces', async () => {
  const events = Array.from({ length: 300 }, (_, i) => keyed(`k${i % 3}`, String(i)))
  await hub.publish(events)
  const sink = await subscribe({ from: 'start' })
  await sink.until(() => sink.story().includes('tailrace.live'))
  expect(sink.story()).toEqual(['297', '298', '299', 'tailrace.live'])
})

test('a reader that stalls and comes back is brought to the newest state of every key', async () => {
  const sink = await subscribe()
  sink.drain(0)
  const keys = ['a', 'b', 'c']
  for (let i = 0; i < 200; i += 1) {
    await publishOne(hub, keyed(keys[i % 3]!, `${i} ${'x'.repeat(1024)}`))
    await vi.advanceTimersByTimeAsync(EVERY / 2)
  }
  await vi.advanceTimersByTimeAsync(EVERY)
  sink.drain()
  await sink.until(() => sink.story().some((data) => data.startsWith('199 ')))
  const newest = new Set(
    sink
      .story()
      .slice(-3)
      .map((data) => data.split(' ')[0]),
  )
  expect(newest).toEqual(new Set(['197', '198', '199']))
})

test('of any run of events, what is left has the newest of each key, each event without one, in order', () => {
  const event = fc.record({ key: fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined }) })
  fc.assert(
    fc.property(fc.array(event), (keys) => {
      const events = keys.map(({ key }, i) => ({ offset: i + 1, topic: 't', key }) as StoredEvent)
      const left = newestOfKeys(events)
      const expected = events.filter(
        ({ key }, i) => key === undefined || !events.slice(i + 1).some((later) => later.key === key),
      )
      expect(left).toEqual(expected)
    }),
  )
})
