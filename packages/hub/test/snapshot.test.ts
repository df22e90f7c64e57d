import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { LOGS } from './each-log.ts'
import type { OpenLog } from './each-log.ts'
import { open, publishAll, publishOne } from './opening.ts'
import type { ScriptedSink } from './scripted-sink.ts'

const KIB = 1024

describe.each(LOGS)('on a %s log', (_, openLog) => {
  let held: OpenLog
  let hub: Hub

  beforeEach(async () => {
    held = await openLog()
    hub = await createHub({ log: held.log, windowBytes: 400, heartbeatMs: 0, batchMs: 0 })
  })

  afterEach(async () => {
    await hub.close()
    await held[Symbol.asyncDispose]()
  })

  function set(key: string, data: string): { topic: string; key: string; data: string } {
    return { topic: 't', key, data }
  }

  function isLive(sink: ScriptedSink): boolean {
    return sink.story().includes('tailrace.live')
  }

  test('the newest event of each key comes first, without an id, then live as of it, then what is new', async () => {
    const ids = await publishAll(hub, [
      set('a', 'a1'),
      set('b', 'b1'),
      { topic: 't', data: 'no key' },
      set('a', 'a2'),
      { topic: 'other', data: 'x' },
    ])
    const sink = await open(hub, { selectors: ['t'], snapshot: true })
    await sink.until(isLive)
    const { id } = await publishOne(hub, set('b', 'b2'))
    await sink.untilEvents(4)
    expect(sink.events().map(({ data, lastEventId }) => [data, lastEventId])).toEqual([
      ['b1', ''],
      ['a2', ''],
      ['{"heartbeatMs":0}', ids[4]],
      ['b2', id],
    ])
  })

  test('a snapshot of nothing is complete at once', async () => {
    const sink = await open(hub, { selectors: ['t'], snapshot: true })
    await sink.until(isLive)
    expect(sink.story()).toEqual(['tailrace.live'])
  })

  test('a reader with a cursor resumes, and gets no snapshot', async () => {
    const ids = await publishAll(hub, [set('a', 'a1'), set('b', 'b1')])
    const sink = await open(hub, { selectors: ['t'], snapshot: true, from: ids[0] })
    await sink.until(isLive)
    expect(sink.story()).toEqual(['b1', 'tailrace.live'])
  })

  test('a snapshot that is cut has given no cursor, so that it starts over', async () => {
    const keys = ['a', 'b', 'c', 'd']
    await publishAll(
      hub,
      keys.map((key) => set(key, key.repeat(40 * KIB))),
    )
    const first = await open(hub, { selectors: ['t'], snapshot: true }, 3)
    await first.untilEvents(2)
    first.leave()
    expect(first.lastEventId()).toBe('')
    const second = await open(hub, { selectors: ['t'], snapshot: true })
    await second.until(isLive)
    expect(second.story().map((one) => one[0])).toEqual([...keys, 't'])
  })

  test('keys that change under a slow reader end up with it at their newest value', async () => {
    const keys = ['a', 'b', 'c', 'd', 'e', 'f']
    await publishAll(
      hub,
      keys.map((key) => set(key, `${key}1`.padEnd(40 * KIB))),
    )
    const sink = await open(hub, { selectors: ['t'], snapshot: true }, 2)
    await sink.untilEvents(1)
    // One that it has seen, one that it has not.
    await publishAll(hub, [set('a', 'a2'), set('e', 'e2'), set('g', 'g1')])
    sink.drain(1)
    await sink.untilEvents(2)
    await publishAll(hub, [set('a', 'a3'), set('h', 'h1')])
    sink.drain()
    await sink.until(isLive)
    await publishOne(hub, set('b', 'b9'))
    await sink.until(() => sink.story().includes('b9'))
    const state = new Map<string, string>()
    for (const { type, data } of sink.events()) if (type === 'message') state.set(data[0]!, data.trim())
    expect(Object.fromEntries(state)).toEqual({
      a: 'a3',
      b: 'b9',
      c: 'c1',
      d: 'd1',
      e: 'e2',
      f: 'f1',
      g: 'g1',
      h: 'h1',
    })
    expect(sink.story().filter((one) => one === 'tailrace.live')).toHaveLength(1)
  })

  test('a reader that saw a key before it was removed learns of the removal', async () => {
    const keys = ['a', 'b', 'c', 'd', 'e', 'f']
    await publishAll(
      hub,
      keys.map((key) => set(key, `${key}1`.padEnd(40 * KIB))),
    )
    const sink = await open(hub, { selectors: ['t'], snapshot: true }, 2)
    await sink.untilEvents(1)
    // One that it has seen, one that it has not, and one that comes and goes.
    const ids = await publishAll(hub, [
      { ...set('a', 'gone'), remove: true },
      { ...set('e', 'gone'), remove: true },
      set('g', 'g1'),
      { ...set('g', 'gone'), remove: true },
    ])
    sink.drain()
    await sink.until(isLive)
    const state = new Map<string, string>()
    for (const { type, key, data, remove } of sink.events()) {
      if (type !== 'message') continue
      if (remove) state.delete(key!)
      else state.set(key!, data.trim())
    }
    expect(Object.fromEntries(state)).toEqual({ b: 'b1', c: 'c1', d: 'd1', f: 'f1' })
    // A reader that is cut before live goes on from there, and misses none of it.
    expect(sink.events().find(({ remove }) => remove)).toMatchObject({ key: 'a', lastEventId: ids[0] })
  })

  test('a removal that retention took away before a slow reader could learn of it is a gap', async () => {
    const keys = ['a', 'b', 'c', 'd']
    await publishAll(
      hub,
      keys.map((key) => set(key, key.repeat(40 * KIB))),
    )
    const sink = await open(hub, { selectors: ['t'], snapshot: true }, 2)
    await sink.untilEvents(1)
    await publishAll(hub, [{ ...set('a', 'gone'), remove: true }, set('x', '.'.repeat(500))])
    for (let done = false; !done;) {
      ;({ done } = await held.log.retention.trim([{ selector: '**', maxCount: 0 }], Date.now()))
    }
    sink.drain()
    await sink.until(isLive)
    const story = sink.story()
    const gap = sink.events().find(({ type }) => type === 'tailrace.gap')
    expect(JSON.parse(gap!.data)).toMatchObject({ reason: 'overflow' })
    expect(story.indexOf('tailrace.gap')).toBeLessThan(story.indexOf('tailrace.live'))
  })

  test('a value that changes while half of it was sent cuts the connection, and is never mixed with the new one', async () => {
    await publishOne(hub, set('a', 'a'.repeat(100 * KIB)))
    const sink = await open(hub, { selectors: ['t'], snapshot: true }, 2)
    await sink.until(() => sink.text().includes('aaa'))
    await publishOne(hub, set('a', 'b'.repeat(100 * KIB)))
    const before = sink.text()
    sink.drain()
    await sink.until(() => sink.outcome === 'destroyed')
    expect(sink.text() === before).toBe(true)
    expect(sink.lastEventId()).toBe('')
  })

  test('what is published during the snapshot follows it, once', async () => {
    await publishAll(
      hub,
      ['a', 'b', 'c', 'd'].map((key) => set(key, key.repeat(40 * KIB))),
    )
    const sink = await open(hub, { selectors: ['t'], snapshot: true }, 3)
    await sink.untilEvents(2)
    for (let i = 0; i < 20; i += 1)
      await publishOne(hub, { topic: 't', data: `during ${i} ${'.'.repeat(50)}` })
    sink.drain()
    await sink.until(isLive)
    for (let i = 0; i < 20; i += 1) await publishOne(hub, { topic: 't', data: `after ${i}` })
    await sink.until(() => sink.story().includes('after 19'))
    const story = sink.story()
    // As of live, events without a key are no part of the state; from there on, all of them come.
    const afterLive = story.slice(story.indexOf('tailrace.live') + 1)
    expect(afterLive.filter((one) => one.startsWith('after'))).toEqual(
      Array.from({ length: 20 }, (__, i) => `after ${i}`),
    )
    expect(new Set(story).size).toBe(story.length)
  })
})
