import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import type { CompleteEventLog } from '@tailrace/log'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { LOGS } from './each-log.ts'
import type { OpenLog } from './each-log.ts'
import { open, publishAll, publishOne, reading, texts } from './opening.ts'
import { createScriptedSink } from './scripted-sink.ts'

describe.each(LOGS)('on a %s log', (_, openLog) => {
  let held: OpenLog
  let hub: Hub

  beforeEach(async () => {
    held = await openLog()
    hub = await createHub({ log: held.log, heartbeatMs: 0, batchMs: 0 })
  })

  afterEach(async () => {
    await hub.close()
    await held[Symbol.asyncDispose]()
  })

  const end = { topic: 't', data: 'bye', end: true }

  test('the last event of a topic is followed by its end, and the stream ends', async () => {
    const sink = await open(hub, { selectors: ['t'] })
    const ids = await publishAll(hub, [...texts('t', 'a'), end])
    expect(sink.events().slice(1)).toMatchObject([
      { type: 'message', data: 'a', lastEventId: ids[0], topic: undefined },
      { type: 'message', data: 'bye', lastEventId: ids[1], topic: undefined },
      { type: 'tailrace.end', data: '{"topic":"t"}', lastEventId: ids[1], topic: undefined },
    ])
    expect(sink.outcome).toBe('ended')
  })

  test('a topic that is purged while a reader comes has not ended for it', async () => {
    const answered = Promise.withResolvers<void>()
    let isHeld = true
    const slow: CompleteEventLog = {
      ...held.log,
      topics: {
        ...held.log.topics,
        async ended(topics) {
          const ends = await held.log.topics.ended(topics)
          if (isHeld) await answered.promise
          return ends
        },
      },
    }
    await held.log.append([end])
    const slowHub = await createHub({ log: slow, heartbeatMs: 0, batchMs: 0 })
    const sink = createScriptedSink()
    const opening = slowHub.subscribe(reading({ selectors: ['t'] }), () => sink)
    await held.log.topics.ended(['t'])
    await slowHub.purge('t')
    isHeld = false
    answered.resolve()
    await opening
    await publishAll(slowHub, texts('t', 'of its next life'))
    expect(sink.story()).toEqual(['tailrace.live', 'of its next life'])
    expect(sink.outcome).toBe('open')
    await slowHub.close()
  })

  test('a replay of an ended topic is told live and end after its events', async () => {
    await publishAll(hub, [...texts('t', 'a'), end])
    const sink = await open(hub, { selectors: ['t'], from: 'start' })
    await sink.until(() => sink.outcome === 'ended')
    expect(sink.story()).toEqual(['a', 'bye', 'tailrace.live', 'tailrace.end'])
  })

  test('a reader that has seen the end need not come again, and no response is made for it', async () => {
    const ids = await publishAll(hub, [...texts('t', 'a'), end, ...texts('other', 'x')])
    for (const from of [ids[1], ids[2]]) {
      expect(await hub.subscribe(reading({ selectors: ['t'], from }), () => expect.unreachable())).toBe(
        'ended',
      )
    }
  })

  test.each([
    ['has not seen it all', 0],
    ['names no place', undefined],
  ])('a reader that %s is served', async (__, seen) => {
    const ids = await publishAll(hub, [...texts('t', 'a'), end])
    const sink = await open(hub, { selectors: ['t'], from: seen === undefined ? undefined : ids[seen] })
    await sink.until(() => sink.outcome === 'ended')
    expect(sink.story().at(-1)).toBe('tailrace.end')
  })

  test('a cursor of another life is told its gap also where the topic has ended', async () => {
    await publishAll(hub, [end])
    const sink = await open(hub, { selectors: ['t'], from: 'otherlife.99' })
    await sink.until(() => sink.outcome === 'ended')
    expect(sink.story()).toEqual(['tailrace.gap', 'bye', 'tailrace.live', 'tailrace.end'])
  })

  test('a stream of several topics ends with the last of them', async () => {
    const sink = await open(hub, { selectors: ['t', 'u'] })
    await publishOne(hub, { topic: 'u', data: '', end: true })
    expect(sink.outcome).toBe('open')
    const { id } = await publishOne(hub, end)
    expect(sink.events().at(-1)).toMatchObject({
      type: 'tailrace.end',
      data: '{"topic":"t"}',
      lastEventId: id,
    })
    expect(sink.outcome).toBe('ended')
  })

  test('a stream whose topics had ended in another order before it came ends as well', async () => {
    const ids = await publishAll(hub, [{ topic: 'u', data: '', end: true }, end])
    const sink = await open(hub, { selectors: ['t', 'u'], from: ids[0] })
    await sink.until(() => sink.outcome === 'ended')
    expect(sink.story()).toEqual(['bye', 'tailrace.live', 'tailrace.end'])
  })

  test('a topic that ended, is gone, and begins again has not ended for those who are there', async () => {
    const sink = await open(hub, { selectors: ['t', 'u'] })
    await publishOne(hub, end)
    while (!(await held.log.retention.trim([{ selector: 't', maxCount: 0 }], Date.now())).done);
    await publishOne(hub, { topic: 't', data: 'again' })
    await publishOne(hub, { topic: 'u', data: 'u ends', end: true })
    await publishOne(hub, { topic: 't', data: 'and again' })
    await sink.untilEvents(5)
    expect(sink.story()).toEqual(['tailrace.live', 'bye', 'again', 'u ends', 'and again'])
    expect(sink.outcome).toBe('open')
    const { id } = await publishOne(hub, { topic: 't', data: 'bye again', end: true })
    await sink.until(() => sink.outcome === 'ended')
    expect(sink.events().at(-1)).toMatchObject({ type: 'tailrace.end', lastEventId: id })
  })

  test('a pattern never ends, since a topic that it selects may come', async () => {
    const sink = await open(hub, { selectors: ['t/*', 't'] })
    const { id } = await publishOne(hub, end)
    await publishOne(hub, { topic: 't/new', data: 'more' })
    expect(sink.story()).toEqual(['tailrace.live', 'bye', 'more'])
    expect(
      await hub.subscribe(reading({ selectors: ['t/*', 't'], from: id }), () => createScriptedSink()),
    ).toBe('open')
  })

  test('a reader that stalls is told the end after it has caught up', async () => {
    const sink = await open(hub, { selectors: ['t'] })
    sink.drain(0)
    await publishAll(hub, [...texts('t', 'a'), end])
    expect([sink.outcome, sink.story()]).toEqual(['open', ['tailrace.live']])
    sink.drain(1)
    await sink.untilEvents(3)
    expect(sink.outcome).toBe('open')
    sink.drain(1)
    await sink.until(() => sink.outcome === 'ended')
    expect(sink.story()).toEqual(['tailrace.live', 'a', 'bye', 'tailrace.end'])
  })

  test('a sink that is ready again from within each write is told the end once', async () => {
    const sink = await open(hub, { selectors: ['t'] })
    void sink.until(() => (sink.drain(), false))
    await publishAll(hub, [...texts('t', 'a'), end])
    await sink.until(() => sink.outcome === 'ended')
    expect(sink.story()).toEqual(['tailrace.live', 'a', 'bye', 'tailrace.end'])
  })

  test('a purge opens an ended topic again', async () => {
    const { id } = await publishOne(hub, end)
    await hub.purge('t')
    const sink = await open(hub, { selectors: ['t'], from: id })
    await sink.until(() => sink.story().includes('tailrace.live'))
    await publishOne(hub, { topic: 't', data: 'again' })
    await sink.until(() => sink.story().includes('again'))
    expect(sink.story()).toEqual(['tailrace.live', 'again'])
    expect(sink.outcome).toBe('open')
  })

  test('a purge opens it again also for those who are there', async () => {
    const sink = await open(hub, { selectors: ['t', 'u'] })
    await publishOne(hub, end)
    await hub.purge('t')
    await publishOne(hub, { topic: 'u', data: 'u ends', end: true })
    await publishOne(hub, { topic: 't', data: 'again' })
    await sink.until(() => sink.story().includes('again'))
    expect(sink.outcome).toBe('open')
  })
})
