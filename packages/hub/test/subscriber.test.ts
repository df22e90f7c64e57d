import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { matches } from '@tailrace/log'
import type { CompleteEventLog, NewEvent } from '@tailrace/log'
import { createRandom, testSeed } from '@tailrace/testkit'
import type { Random } from '@tailrace/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { LOGS } from './each-log.ts'
import type { OpenLog } from './each-log.ts'
import { open, publishAll, publishOne, reading, texts } from './opening.ts'
import { createScriptedSink } from './scripted-sink.ts'
import type { ScriptedSink } from './scripted-sink.ts'

const KIB = 1024

describe.each(LOGS)('on a %s log', (_, openLog) => {
  let held: OpenLog
  let log: CompleteEventLog
  let hub: Hub

  beforeEach(async () => {
    held = await openLog()
    log = held.log
    hub = await createHub({ log, windowBytes: 400, heartbeatMs: 0, batchMs: 0 })
  })

  afterEach(async () => {
    await hub.close()
    await held[Symbol.asyncDispose]()
  })

  test('the first thing on a stream is retry, and the second is live', async () => {
    const sink = await open(hub, { selectors: ['t'] })
    expect(sink.text()).toMatch(
      /^retry: \d+\n\nevent: tailrace\.live\ndata: \{"heartbeatMs":0\}\nid: [a-z0-9]+\.0\n\n$/,
    )
  })

  test('an event reaches everyone who selects it, and nobody else', async () => {
    const one = await open(hub, { selectors: ['orders/42'] })
    const some = await open(hub, { selectors: ['orders/*', 'prices'] })
    const none = await open(hub, { selectors: ['orders'] })
    await publishAll(hub, [...texts('orders/42', 'a'), ...texts('prices', 'b')])
    expect(one.story()).toEqual(['tailrace.live', 'a'])
    expect(some.story()).toEqual(['tailrace.live', 'a', 'b'])
    expect(none.story()).toEqual(['tailrace.live'])
    expect([one, some].map((sink) => sink.events()[1]!.topic)).toEqual([undefined, 'orders/42'])
  })

  test('a batch is delivered in one piece', async () => {
    const sink = await open(hub, { selectors: ['t'] })
    const before = sink.chunks.length
    await hub.publish(texts('t', 'a', 'b', 'c'))
    expect(sink.story().slice(1)).toEqual(['a', 'b', 'c'])
    expect(sink.chunks.length - before).toBe(1)
  })

  test('live is told after the replay, once, and its id resumes without loss', async () => {
    await publishAll(hub, [...texts('t', 'a', 'b'), ...texts('other', 'x')])
    const first = await open(hub, { selectors: ['t'], from: 'start' })
    await first.until(() => first.story().includes('tailrace.live'))
    expect(first.story()).toEqual(['a', 'b', 'tailrace.live'])
    first.leave()
    await publishAll(hub, texts('t', 'c', 'd'))
    const second = await open(hub, { selectors: ['t'], from: first.lastEventId() })
    await second.until(() => second.story().includes('tailrace.live'))
    expect(second.story()).toEqual(['c', 'd', 'tailrace.live'])
  })

  test('the id of live on a fresh stream resumes without loss, though no event had come', async () => {
    await publishAll(hub, texts('t', 'old'))
    const first = await open(hub, { selectors: ['t'] })
    expect(first.story()).toEqual(['tailrace.live'])
    first.leave()
    await publishAll(hub, texts('t', 'new'))
    const second = await open(hub, { selectors: ['t'], from: first.lastEventId() })
    await second.until(() => second.story().includes('tailrace.live'))
    expect(second.story()).toEqual(['new', 'tailrace.live'])
  })

  test('a reader that resumes after a frame it had only in part gets it again, whole', async () => {
    const large = 'L'.repeat(150 * KIB)
    const first = await open(hub, { selectors: ['t'] })
    first.drain(1)
    await publishAll(hub, texts('t', large, 'after'))
    first.leave()
    expect(first.story()).toEqual(['tailrace.live'])
    const second = await open(hub, { selectors: ['t'], from: first.lastEventId() })
    await second.until(() => second.story().includes('tailrace.live'))
    expect(second.story().map((one) => one.length)).toEqual([150 * KIB, 5, 'tailrace.live'.length])
  })

  test('a frame that was begun is finished, though a page is remembered that ends before it', async () => {
    const reader = await open(hub, { selectors: ['t'] })
    const [one, two, large] = ['1'.repeat(300), '2'.repeat(300), 'L'.repeat(90 * KIB)]
    // The last is of another topic, so the page goes on behind the last frame of this one.
    await publishAll(hub, [...texts('t', one, two), ...texts('other', 'x')])
    const other = await open(hub, { selectors: ['t'], from: 'start' })
    await other.until(() => other.story().includes('tailrace.live'))
    reader.drain(1)
    // It leaves the window while the reader has a part of it.
    await publishAll(hub, texts('t', large, 'last'))
    reader.drain()
    await reader.until(() => reader.outcome !== 'open' || reader.story().includes('last'))
    expect(reader.outcome).toBe('open')
    expect(reader.story()).toEqual(['tailrace.live', one, two, large, 'last'])
  })

  test('a frame that was begun from the log is finished, though the window has what the log has lost', async () => {
    const wide = await createHub({ log, heartbeatMs: 0, batchMs: 0 })
    const large = 'L'.repeat(90 * KIB)
    await open(wide, { selectors: ['t'] })
    await publishAll(wide, texts('t', 'one', large))
    await log.retention.trim([{ selector: 't', maxCount: 1 }], Date.now())
    // The replay after a gap begins at the start of the log, which the window of this lane reaches back to.
    const reader = await open(wide, { selectors: ['t'], from: 'elsewhere.7' }, 3)
    await reader.until(() => reader.chunks.length === 3)
    reader.drain()
    await reader.until(() => reader.outcome !== 'open' || reader.story().includes('tailrace.live'))
    expect(reader.story()).toEqual(['tailrace.gap', large, 'tailrace.live'])
    await wide.close()
  })

  test('what a sink is handed while its reader stalls ends at 64 KiB, however much is published', async () => {
    const sink = await open(hub, { selectors: ['t'] })
    const before = sink.text().length
    sink.drain(1)
    for (let i = 0; i < 40; i += 1) await hub.publish(texts('t', 'x'.repeat(100 * KIB)))
    expect(sink.text().length - before).toBe(64 * KIB)
    sink.drain()
    await sink.untilEvents(41)
    expect(sink.events()).toHaveLength(41)
  })

  test('a replay goes no further than its reader', async () => {
    await hub.publish(texts('t', ...Array.from({ length: 100 }, (__, i) => `${i}`.padEnd(3 * KIB))))
    let reads = 0
    const counting: CompleteEventLog = {
      ...log,
      read(query) {
        reads += 1
        return log.read(query)
      },
    }
    const other = await createHub({ log: counting, heartbeatMs: 0, batchMs: 0 })
    const sink = await open(other, { selectors: ['t'], from: 'start' }, 2)
    await sink.untilEvents(1)
    await new Promise(setImmediate)
    expect(reads).toBe(1)
    expect(sink.text().length).toBeLessThanOrEqual(65 * KIB)
    sink.drain()
    await sink.untilEvents(101)
    expect(sink.story().map((one) => one.trim())).toEqual([
      ...Array.from({ length: 100 }, (__, i) => `${i}`),
      'tailrace.live',
    ])
    await other.close()
  })

  test(
    'readers that start anywhere, stall, leave and come back see exactly their events, once and in order',
    { timeout: 60_000 },
    async () => {
      const seed = testSeed()
      console.log(`seed ${seed}`)
      const outcomes = await race(hub, createRandom(seed))
      expect(outcomes.map(({ seen }) => seen)).toEqual(outcomes.map(({ due }) => due))
      expect(outcomes.flatMap(({ due }) => due).length).toBeGreaterThan(1_000)
      expect(outcomes.flatMap(({ notices }) => notices)).toEqual([])
    },
  )
})

/** What every topic gets in the end, so that a reader knows when it has all. */
const LAST = 'last'
const TOPICS = ['t/1', 't/2', 't/3', 'u', 'u/a/b']
const SELECTORS = [['t/1'], ['t/2'], ['t/1', 't/3'], ['t/*'], ['**'], ['u/**', 't/1']]

interface Reader {
  readonly selectors: readonly string[]
  readonly from: string
  /** Everything that was whole, over all connections. */
  readonly seen: string[]
  /** What it was told of gaps, ends and errors. */
  readonly notices: string[]
  sink: ScriptedSink
  place: string
}

/** What a reader saw, and what it should have seen: ids and data. */
interface Outcome {
  readonly seen: readonly string[]
  readonly due: readonly string[]
  readonly notices: readonly string[]
}

/** Readers, publishers and pages of the log, all at once; then a look at who saw what. */
async function race(hub: Hub, random: Random): Promise<Outcome[]> {
  const published: { id: string; event: NewEvent }[] = []
  const readers: Reader[] = []
  const pending: Promise<unknown>[] = []
  let count = 0

  async function publishSome(): Promise<void> {
    const batch = Array.from({ length: random.int(1, 5) }, () => {
      count += 1
      const size = random.chance(0.01) ? 90 * KIB : random.int(0, 150)
      return { topic: random.pick(TOPICS), data: `${count} ${'.'.repeat(size)}` }
    })
    const answers = await hub.publish(batch)
    published.push(...answers.map(({ id }, i) => ({ id, event: batch[i]! })))
  }

  async function connect(reader: Reader): Promise<void> {
    reader.sink = createScriptedSink(random.int(1, 3))
    await hub.subscribe(reading({ selectors: reader.selectors, from: reader.place }), () => reader.sink)
  }

  /** Takes what came whole on the connection of a reader, and leaves it. */
  function disconnect(reader: Reader): void {
    const { sink } = reader
    sink.leave()
    for (const { type, data, lastEventId } of sink.events()) {
      if (type !== 'message' && type !== 'tailrace.live') reader.notices.push(type)
      if (type === 'message' && data !== LAST) reader.seen.push(`${lastEventId} ${data}`)
    }
    if (sink.lastEventId() !== '') reader.place = sink.lastEventId()
  }

  for (let turn = 0; turn < 400; turn += 1) {
    if (random.chance(0.7)) pending.push(publishSome())
    if (readers.length < 25 && random.chance(0.2)) {
      const from = random.chance(0.3) || published.length === 0 ? 'start' : random.pick(published).id
      const reader: Reader = {
        selectors: random.pick(SELECTORS),
        from,
        place: from,
        seen: [],
        notices: [],
        sink: createScriptedSink(),
      }
      readers.push(reader)
      await connect(reader)
    }
    for (const reader of readers) {
      if (random.chance(0.3)) reader.sink.drain(random.int(0, 3))
      if (random.chance(0.03)) {
        disconnect(reader)
        await connect(reader)
      }
    }
    if (random.chance(0.5)) await new Promise(setImmediate)
  }
  await Promise.all(pending)
  await hub.publish(TOPICS.map((topic) => ({ topic, data: LAST })))
  for (const { sink, selectors } of readers) {
    const lasts = TOPICS.filter((topic) => selectors.some((one) => matches(one, topic))).length
    sink.drain()
    await sink.until(() => sink.story().filter((one) => one === LAST).length === lasts)
  }

  published.sort((a, b) => offsetOf(a.id) - offsetOf(b.id))
  return readers.map((reader) => {
    disconnect(reader)
    const start = reader.from === 'start' ? 0 : offsetOf(reader.from)
    const due = published.filter(
      ({ id, event }) => offsetOf(id) > start && reader.selectors.some((one) => matches(one, event.topic)),
    )
    return { ...reader, due: due.map(({ id, event }) => `${id} ${event.data}`) }
  })
}

function offsetOf(id: string): number {
  return Number(id.split('.')[1])
}

test('each stream is told a time of its own to come back, between half and one and a half of what is set', async () => {
  const [, openLog] = LOGS[0]!
  await using held = await openLog()
  const hub = await createHub({ log: held.log, retryMs: 1_000, heartbeatMs: 0, batchMs: 0 })
  const times: number[] = []
  for (let i = 0; i < 300; i += 1) {
    const sink = await open(hub, { selectors: ['t'] })
    times.push(Number(/^retry: (\d+)\n\n/.exec(sink.text())![1]))
  }
  expect(Math.min(...times)).toBeGreaterThanOrEqual(500)
  expect(Math.max(...times)).toBeLessThanOrEqual(1_500)
  expect(Math.min(...times)).toBeLessThan(700)
  expect(Math.max(...times)).toBeGreaterThan(1_300)
  await hub.close()
})

test('a reader that is gone by the time its stream would open leaves nothing behind', async () => {
  const [, openLog] = LOGS[0]!
  await using held = await openLog()
  const hub = await createHub({ log: held.log, heartbeatMs: 0, batchMs: 0 })
  expect(await hub.subscribe(reading({ selectors: ['t'] }), () => undefined)).toBe('gone')
  const sink = createScriptedSink()
  await hub.subscribe(reading({ selectors: ['t'] }), () => sink)
  sink.leave()
  await publishOne(hub, { topic: 't', data: 'unseen' })
  expect(sink.story()).toEqual(['tailrace.live'])
  await hub.close()
})
