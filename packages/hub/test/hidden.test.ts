import { parseStart, tailraceDialect } from '@tailrace/http'
import { createHub } from '@tailrace/hub'
import type { Dialect, Hub } from '@tailrace/hub'
import { createMemoryLog } from '@tailrace/log'
import type { NewEvent } from '@tailrace/log'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { publishAll, publishOne } from './opening.ts'
import { createScriptedSink } from './scripted-sink.ts'
import type { ScriptedSink } from './scripted-sink.ts'
import { Window } from '../src/window.ts'

const KIB = 1024
const NOTHING = new Uint8Array()

const shown = tailraceDialect({ envelope: false, namesTopic: false, traces: false, times: false })

/** A dialect whose readers receive no event of the type `hidden`, and no control event. */
const dialect: Dialect = {
  ...shown,
  key: 'hiding',
  frame: (event, at) => (event.type === 'hidden' ? NOTHING : shown.frame(event, at)),
  live: () => NOTHING,
  end: () => NOTHING,
}

let hub: Hub

beforeEach(async () => {
  hub = await createHub({ log: createMemoryLog(), heartbeatMs: 0, batchMs: 0 })
})

afterEach(async () => {
  await hub.close()
})

interface Wanted {
  readonly from?: string | undefined
  readonly credit?: number | undefined
  readonly conflateMs?: number | undefined
}

async function read({ from, credit, conflateMs }: Wanted = {}): Promise<ScriptedSink | 'ended' | 'gone'> {
  const sink = createScriptedSink(credit)
  const start = from === undefined ? undefined : parseStart(from)
  const outcome = await hub.subscribe({ selectors: ['t'], dialect, start, conflateMs }, () => sink)
  return outcome === 'open' ? sink : outcome
}

async function opened(wanted?: Wanted): Promise<ScriptedSink> {
  const sink = await read(wanted)
  if (typeof sink === 'string') throw new Error(`the stream is ${sink}`)
  return sink
}

function hidden(count = 1): NewEvent[] {
  return Array.from({ length: count }, () => ({ topic: 't', type: 'hidden', data: 'secret' }))
}

function plain(data: string): NewEvent {
  return { topic: 't', data }
}

test('a live reader receives what is not hidden, and counts no delivery for the rest', async () => {
  const sink = await opened()
  await hub.publish([...hidden(), plain('a'), ...hidden(2)])
  await hub.publish(hidden())
  await publishOne(hub, plain('b'))
  expect(sink.story()).toEqual(['a', 'b'])
  expect(hub.counters.deliveries).toBe(2)
})

test('a replay leaves it out, also if nothing else is on a page', async () => {
  await hub.publish(hidden(1_200))
  await publishOne(hub, plain('a'))
  await hub.publish(hidden(1_200))
  const sink = await opened({ from: 'start' })
  await publishOne(hub, plain('b'))
  await sink.until(() => sink.story().includes('b'))
  expect(sink.story()).toEqual(['a', 'b'])
})

test('a topic whose end is hidden ends for its readers', async () => {
  const live = await opened()
  const slow = await opened({ credit: 1 })
  const conflated = await opened({ conflateMs: 20 })
  const ids = await publishAll(hub, [plain('a'), plain('b'), { ...hidden()[0]!, end: true }])
  expect([live.outcome, live.story()]).toEqual(['ended', ['a', 'b']])
  slow.drain()
  for (const sink of [slow, conflated, await opened({ from: 'start' }), await opened({ from: ids[0] })]) {
    await sink.until(() => sink.outcome === 'ended')
    expect(sink.story().at(-1)).toBe('b')
  }
})

test('a reader that returns after the last event that it could see need not come again', async () => {
  const ids = await publishAll(hub, [plain('a'), plain('b'), ...hidden(), { ...hidden()[0]!, end: true }])
  expect(await read({ from: ids[1] })).toBe('ended')
  expect(await read({ from: ids[2] })).toBe('ended')
  const sink = await opened({ from: ids[0] })
  await sink.until(() => sink.outcome === 'ended')
  expect(sink.story()).toEqual(['b'])
})

test('a large frame between hidden events is written in parts', async () => {
  const large = 'x'.repeat(200 * KIB)
  await hub.publish([...hidden(), plain(large), ...hidden(), plain(large), ...hidden()])
  const sink = await opened({ from: 'start', credit: 1 })
  for (let i = 0; i < 16 && sink.events().length < 2; i += 1) {
    sink.drain(1)
    await new Promise(setImmediate)
  }
  await publishOne(hub, plain('end'))
  sink.drain()
  await sink.untilEvents(3)
  expect(sink.events().map(({ data }) => data.length)).toEqual([large.length, large.length, 3])
})

test('hidden events use no memory in a window, however many they are', () => {
  const window = new Window(0, 100)
  for (let offset = 1; offset <= 10_000; offset += 1) window.push({ offset, bytes: NOTHING })
  expect([window.start, window.tip]).toEqual([0, 10_000])
  window.push({ offset: 10_001, bytes: Buffer.from('x') })
  const run = window.after({ offset: 5_000, partial: undefined })
  expect([run?.bytes.length, run?.events, run?.place.offset]).toEqual([1, 1, 10_001])
})
