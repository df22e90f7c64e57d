import { createHub, StreamFailure } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { LOGS } from '../each-log.ts'
import type { OpenLog } from '../each-log.ts'
import { open } from '../opening.ts'
import { contentOf } from './terms.ts'

describe.each(LOGS)('on a %s log', (_, openLog) => {
  let held: OpenLog
  let hub: Hub
  /** Of one test. */
  let topic: string
  let topics = 0

  beforeAll(async () => {
    held = await openLog()
  })

  beforeEach(async () => {
    hub = await createHub({ log: held.log, heartbeatMs: 0, batchMs: 0 })
    topics += 1
    topic = `t${topics}`
  })

  afterEach(() => hub.close())

  afterAll(() => held[Symbol.asyncDispose]())

  test('what is written is stored in order between an opening and an end', async () => {
    const writer = hub.stream(topic)
    for (let i = 0; i < 5; i += 1) await writer.write(`token ${i}`)
    await writer.write({ n: 1 }, { type: 'usage' })
    const [start, end] = [await writer.opened, await writer.end()]
    const events = await contentOf(hub, topic)
    expect(events[0]).toMatch(/^tailrace\.opened \{"producer":"[a-z0-9]+","ttlMs":86400000\}$/)
    expect(events.slice(1)).toEqual([
      ...Array.from({ length: 5 }, (__, i) => `message token ${i}`),
      'usage {"n":1}',
      'tailrace.done {} end',
    ])
    expect(await hub.findStream(topic)).toEqual({ topic, start, state: 'done', end })
    expect(writer.signal.aborted).toBe(false)
  })

  test('a reader that comes late receives the stream from its start, and its end', async () => {
    const writer = hub.stream(topic)
    const opened = await writer.opened
    await writer.write('a')
    const sink = await open(hub, { selectors: [topic], from: opened })
    await writer.write('b')
    await writer.end({ type: 'message_stop', data: { tokens: 2 } })
    await sink.until(() => sink.outcome === 'ended')
    expect(sink.story().filter((one) => one !== 'tailrace.live')).toEqual([
      'a',
      'b',
      '{"tokens":2}',
      'tailrace.end',
    ])
  })

  test('a stream is cancelled by anyone, once, and what was still to be written is dropped', async () => {
    const writer = hub.stream(topic)
    await writer.write('a')
    await writer.flush()
    expect(await hub.cancelStream(topic)).toBe(true)
    expect(await hub.cancelStream(topic)).toBe(false)
    await expect.poll(() => writer.signal.aborted).toBe(true)
    const over = { code: 'stream-over', details: { topic, state: 'failed', code: 'cancelled' } }
    expect(writer.signal.reason).toMatchObject(over)
    await expect(writer.write('b')).rejects.toMatchObject(over)
    await expect(writer.end()).rejects.toMatchObject(over)
    expect((await contentOf(hub, topic)).slice(1)).toEqual([
      'message a',
      'tailrace.failed {"code":"cancelled","message":"The stream was cancelled."} end',
    ])
  })

  test('a second writer of a topic stores nothing', async () => {
    const writer = hub.stream(topic)
    await writer.opened
    const second = hub.stream(topic)
    await expect(second.opened).rejects.toMatchObject({ code: 'stream-exists' })
    await expect(second.write('x')).rejects.toMatchObject({ code: 'stream-exists' })
    await writer.end()
    await expect(hub.stream(topic).opened).rejects.toMatchObject({ code: 'stream-exists' })
    expect(await contentOf(hub, topic)).toHaveLength(2)
  })

  test('a failure shows its message if it was meant to be seen', async () => {
    const writer = hub.stream(topic)
    await writer.fail(new StreamFailure('upstream-refused', 'The model is overloaded.'))
    expect(await hub.findStream(topic)).toMatchObject({
      state: 'failed',
      code: 'upstream-refused',
      message: 'The model is overloaded.',
    })
    await writer.fail(new Error('again'))
    expect(await hub.findStream(topic)).toMatchObject({ code: 'upstream-refused' })
  })
})
