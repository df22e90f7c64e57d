import { createHub } from '@tailrace/hub'
import type { GapPolicy, Hub } from '@tailrace/hub'
import type { CompleteEventLog } from '@tailrace/log'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { LOGS } from './each-log.ts'
import type { OpenLog } from './each-log.ts'
import { open, publishAll, publishOne, texts } from './opening.ts'
import type { ScriptedSink } from './scripted-sink.ts'

const KIB = 1024

describe.each(LOGS)('on a %s log', (_, openLog) => {
  let held: OpenLog
  let log: CompleteEventLog
  let hub: Hub

  beforeEach(async () => {
    held = await openLog()
    log = held.log
    // A window that holds the newest frame and no more.
    hub = await createHub({ log, windowBytes: 0, heartbeatMs: 0, batchMs: 0 })
  })

  afterEach(async () => {
    await hub.close()
    await held[Symbol.asyncDispose]()
  })

  /** Leaves the newest `count` events of each topic, and the newest of each key. */
  async function keep(count: number): Promise<void> {
    while (!(await log.retention.trim([{ selector: '**', maxCount: count }], Date.now())).done);
  }

  /** Type or data, and id, of everything that came; gaps with their facts. */
  function told(sink: ScriptedSink): string[] {
    return sink.events().map(({ type, data, lastEventId }) => {
      const what = type === 'tailrace.gap' ? `gap ${data}` : type.startsWith('tailrace.') ? type : data
      return `${what} @${lastEventId}`
    })
  }

  function live(sink: ScriptedSink): Promise<void> {
    return sink.until(() => sink.story().includes('tailrace.live'))
  }

  test.each(['start', 'a cursor'])('a loss below one that is known is told, from %s', async (from) => {
    const data = Array.from({ length: 10 }, (__, i) => `${i}`.padEnd(40 * KIB, 'b'))
    const ids = await publishAll(hub, [...texts('x', 'x'), ...texts('b', ...data), ...texts('a', 'a1', 'a2')])
    const trim = async (selector: string, maxCount: number): Promise<void> => {
      while (!(await log.retention.trim([{ selector, maxCount }], Date.now())).done);
    }
    await trim('a', 1)
    // Far behind the reader, who knows of it: from the start, or because it is told so at once.
    const sink = await open(hub, { selectors: ['a', 'b'], from: from === 'start' ? from : ids[0] }, 3)
    await sink.until(() => sink.story().includes(data[0]!))
    await trim('b', 3)
    sink.drain()
    await live(sink)
    const story = sink.story().map((one) => (one.startsWith('tailrace.') ? one : one.slice(0, 1)))
    expect(story.slice(story.lastIndexOf('tailrace.gap'))).toEqual([
      'tailrace.gap',
      '7',
      '8',
      '9',
      'a',
      'tailrace.live',
    ])
    expect(story).not.toContain('6')
  })

  describe('a cursor whose successors are gone', () => {
    let ids: string[]

    beforeEach(async () => {
      ids = await publishAll(hub, [
        ...texts('t', 'a', 'b', 'c'),
        { topic: 't', data: 'k1', key: 'k' },
        ...texts('t', 'd', 'e'),
      ])
      await keep(2)
    })

    async function resume(gap: GapPolicy | undefined): Promise<ScriptedSink> {
      return open(hub, { selectors: ['t'], from: ids[0], gap })
    }

    function gapFrom(id: string): string {
      return `gap {"reason":"expired","from":"${ids[0]}","oldest":"${ids[3]}"} @${id}`
    }

    test.each(['replay', undefined] as const)('replays what is left (%s)', async (policy) => {
      const sink = await resume(policy)
      await live(sink)
      expect(told(sink)).toEqual([
        gapFrom(ids[0]!),
        `k1 @${ids[3]}`,
        `d @${ids[4]}`,
        `e @${ids[5]}`,
        `tailrace.live @${ids[5]}`,
      ])
    })

    test('goes on live', async () => {
      const sink = await resume('live')
      await live(sink)
      const id = (await publishOne(hub, { topic: 't', data: 'new' })).id
      await sink.untilEvents(3)
      expect(told(sink)).toEqual([gapFrom(ids[5]!), `tailrace.live @${ids[5]}`, `new @${id}`])
    })

    test('goes on with a snapshot', async () => {
      const sink = await resume('snapshot')
      await live(sink)
      const id = (await publishOne(hub, { topic: 't', data: 'new' })).id
      await sink.untilEvents(4)
      expect(told(sink)).toEqual([
        gapFrom(ids[0]!),
        `k1 @${ids[0]}`,
        `tailrace.live @${ids[5]}`,
        `new @${id}`,
      ])
    })

    test('ends the stream', async () => {
      const sink = await resume('close')
      await sink.until(() => sink.outcome === 'ended')
      expect(told(sink)).toEqual([gapFrom(ids[0]!)])
    })

    test('is told once, however slow the reader is', async () => {
      const sink = await open(hub, { selectors: ['t'], from: ids[0] }, 2)
      while (!sink.story().includes('tailrace.live')) {
        sink.drain(1)
        await new Promise(setImmediate)
      }
      expect(sink.story()).toEqual(['tailrace.gap', 'k1', 'd', 'e', 'tailrace.live'])
    })

    test('is no gap for a reader that asked for whatever is left', async () => {
      const sink = await open(hub, { selectors: ['t'], from: 'start' })
      await live(sink)
      expect(sink.story()).toEqual(['k1', 'd', 'e', 'tailrace.live'])
    })

    test('is no gap for a reader that has seen all that is gone', async () => {
      const sink = await open(hub, { selectors: ['t'], from: ids[2] })
      await live(sink)
      expect(sink.story()).toEqual(['k1', 'd', 'e', 'tailrace.live'])
    })

    test('is no gap for a reader of another topic', async () => {
      const [id] = await publishAll(hub, texts('other', 'x'))
      const sink = await open(hub, { selectors: ['other'], from: id })
      await live(sink)
      expect(sink.story()).toEqual(['tailrace.live'])
    })
  })

  test.each([
    ['nonsense', 'unknown'],
    ['x'.repeat(64), 'unknown'],
    ['otherepoch.1', 'epoch'],
  ])('the cursor %s is told as it came, and everything is replayed', async (from, reason) => {
    const ids = await publishAll(hub, texts('t', 'a', 'b'))
    const { epoch } = await log.describe()
    const sink = await open(hub, { selectors: ['t'], from })
    await live(sink)
    expect(told(sink)).toEqual([
      `gap {"reason":"${reason}","from":"${from}","oldest":"${ids[0]}"} @${epoch}.0`,
      `a @${ids[0]}`,
      `b @${ids[1]}`,
      `tailrace.live @${ids[1]}`,
    ])
  })

  test('a cursor ahead of the log was never handed out by it', async () => {
    const [id] = await publishAll(hub, texts('t', 'a'))
    const ahead = id!.replace(/\d+$/, (offset) => `${Number(offset) + 1}`)
    const sink = await open(hub, { selectors: ['t'], from: ahead })
    await live(sink)
    expect(sink.story()).toEqual(['tailrace.gap', 'a', 'tailrace.live'])
  })

  test('the oldest of an empty log is the place where the next event will be', async () => {
    const { epoch } = await log.describe()
    const sink = await open(hub, { selectors: ['t'], from: 'nonsense' })
    await live(sink)
    expect(sink.events()[0]!.data).toBe(`{"reason":"unknown","from":"nonsense","oldest":"${epoch}.0"}`)
  })

  describe('a reader that is too slow for what is retained', () => {
    test.each([
      ['from now', 'now'],
      ['from the start', 'start'],
    ])('is told of an overflow when it was connected %s', async (__, from) => {
      const sink = await open(hub, { selectors: ['t'], from })
      await live(sink)
      await publishAll(hub, texts('t', 'seen'))
      await sink.untilEvents(2)
      sink.drain(0)
      await publishAll(hub, texts('t', 'a', 'b', 'c', 'd'))
      await keep(1)
      sink.drain()
      await sink.untilEvents(5)
      expect(sink.story()).toEqual(['tailrace.live', 'seen', 'tailrace.gap', 'd', 'tailrace.live'])
      expect(JSON.parse(sink.events()[2]!.data)).toMatchObject({ reason: 'overflow' })
    })

    test('is told of an overflow also when a replay was as far as it got', async () => {
      await publishAll(hub, texts('t', ...Array.from({ length: 4 }, (__, i) => `${i}`.repeat(40 * KIB))))
      const sink = await open(hub, { selectors: ['t'], from: 'start' }, 2)
      await sink.untilEvents(1)
      await keep(1)
      sink.drain()
      await live(sink)
      const story = sink.story().map((one) => one.slice(0, 13))
      expect(story.slice(-3)).toEqual(['tailrace.gap', '3'.repeat(13), 'tailrace.live'])
      expect(sink.events().filter(({ type }) => type === 'tailrace.gap')).toHaveLength(1)
    })

    test('is told of a second loss as well', async () => {
      const sink = await open(hub, { selectors: ['t'] }, 2)
      for (const round of ['1', '2']) {
        sink.drain(0)
        await publishAll(hub, texts('t', `a${round}`, `b${round}`))
        await keep(1)
        sink.drain()
        await sink.until(() => sink.story().at(-1) === 'tailrace.live' && sink.story().includes(`b${round}`))
      }
      expect(sink.story().filter((one) => one !== 'tailrace.live')).toEqual([
        'tailrace.gap',
        'b1',
        'tailrace.gap',
        'b2',
      ])
    })
  })

  describe('a frame that was begun', () => {
    const LARGE = 'L'.repeat(100 * KIB)

    function outline(sink: ScriptedSink): string[] {
      return sink.story().map((one) => (one === LARGE ? 'large' : one))
    }

    async function beginLarge(event: { key?: string }): Promise<ScriptedSink> {
      const sink = await open(hub, { selectors: ['t'] })
      await live(sink)
      sink.drain(1)
      await publishOne(hub, { topic: 't', data: LARGE, ...event })
      await sink.until(() => sink.text().includes('LLLL'))
      return sink
    }

    test('is finished when it falls out of the window', async () => {
      const sink = await beginLarge({})
      await publishAll(hub, texts('t', 'a', 'b'))
      sink.drain()
      await sink.untilEvents(4)
      expect(outline(sink)).toEqual(['tailrace.live', 'large', 'a', 'b'])
    })

    test('is cut off with its connection when its rest is gone, and no gap is written into it', async () => {
      const sink = await beginLarge({})
      await publishAll(hub, texts('t', 'a', 'b'))
      await keep(1)
      const before = sink.text()
      sink.drain()
      await sink.until(() => sink.outcome === 'destroyed')
      expect(sink.text() === before).toBe(true)
    })

    test('is finished before a loss that lies behind it is told, and nothing newer comes first', async () => {
      const sink = await beginLarge({ key: 'spared' })
      await publishAll(hub, texts('t', 'lost', 'lost as well'))
      await keep(0)
      await publishAll(hub, texts('t', 'a', 'b'))
      sink.drain()
      await sink.untilEvents(6)
      expect(outline(sink)).toEqual(['tailrace.live', 'large', 'tailrace.gap', 'a', 'b', 'tailrace.live'])
    })

    test('and is the last that is left is finished before the loss behind it is told', async () => {
      const sink = await beginLarge({ key: 'spared' })
      await publishAll(hub, texts('t', 'lost', 'lost as well'))
      await keep(0)
      sink.drain()
      await sink.untilEvents(4)
      expect(outline(sink)).toEqual(['tailrace.live', 'large', 'tailrace.gap', 'tailrace.live'])
    })
  })
})
