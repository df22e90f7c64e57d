import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { createMemoryLog } from '@tailrace/log'
import type { EventLog } from '@tailrace/log'
import { describe, expect, test } from 'vitest'
import { LOGS } from './each-log.ts'
import { open, publishAll, publishOne, readPage, reading, texts } from './opening.ts'
import { createScriptedSink } from './scripted-sink.ts'

const HERE = new AbortController().signal

/** A log whose pages are handed over when they are let go. Of a pattern, it is not asked whether it has ended. */
function holding(log: EventLog) {
  const { promise, resolve } = Promise.withResolvers<void>()
  const asked: string[] = []
  const held: EventLog = {
    ...log,
    async read(query) {
      asked.push(query.selectors.join(' '))
      await promise
      return log.read(query)
    },
  }
  return { held, asked, letGo: resolve }
}

const address = (name: string) => ({
  transport: 'socket',
  address: name,
  subject: undefined,
  credential: undefined,
})

describe.each(LOGS)('on a %s log', (_, openLog) => {
  const noise = Array.from({ length: 10_000 }, (__, i) => ({ topic: `t/${i % 2000}/noise`, data: '' }))

  async function publishFarApart(hub: Hub): Promise<string[]> {
    const ids = await publishAll(hub, texts('t/1/wanted', 'first'))
    await hub.publish(noise)
    ids.push(...(await publishAll(hub, texts('t/2/wanted', 'second'))))
    await hub.publish(noise)
    return ids
  }

  test('a page of history is empty at the end only, however far apart its events are', async () => {
    await using held = await openLog()
    const hub = await createHub({ log: held.log, heartbeatMs: 0, batchMs: 0 })
    await publishFarApart(hub)
    const seen: string[] = []
    for (let from = 'start'; ;) {
      const page = await readPage(hub, { selectors: ['t/*/wanted'], from })
      if ('gap' in page || page.events.length === 0) break
      seen.push(...page.events.map(({ data }) => data))
      from = page.next
    }
    expect(seen).toEqual(['first', 'second'])
    await hub.close()
  })

  test.each([false, true])(
    'a stream passes over what it does not select (snapshot: %s)',
    async (snapshot) => {
      await using held = await openLog()
      const hub = await createHub({ log: held.log, heartbeatMs: 0, batchMs: 0 })
      const [id] = await publishFarApart(hub)
      const from = snapshot ? undefined : id
      const sink = await open(hub, { selectors: ['t/*/wanted'], from, snapshot })
      await sink.until(() => sink.story().includes('tailrace.live'))
      expect(sink.story()).toEqual(snapshot ? ['tailrace.live'] : ['second', 'tailrace.live'])
      await hub.close()
    },
  )

  test('what is stored while a page is read in slices is not missed by it', async () => {
    await using held = await openLog()
    const hub = await createHub({ log: held.log, heartbeatMs: 0, batchMs: 0 })
    await hub.publish(noise)
    const page = readPage(hub, { selectors: ['t/*/wanted'] })
    await publishOne(hub, { topic: 't/3/wanted', data: 'meanwhile' })
    const first = await page
    if ('gap' in first) throw new Error('a gap')
    const rest = await readPage(hub, { selectors: ['t/*/wanted'], from: first.next })
    if ('gap' in rest) throw new Error('a gap')
    expect([...first.events, ...rest.events].map(({ data }) => data)).toEqual(['meanwhile'])
    await hub.close()
  })
})

test('one client that asks for much does not hold up another one', async () => {
  const log = createMemoryLog()
  const { held, asked, letGo } = holding(log)
  const hub = await createHub({ log: held, heartbeatMs: 0, batchMs: 0 })
  await publishAll(hub, texts('t', 'x'))
  const greedy = Array.from({ length: 500 }, (_, i) =>
    hub.read({ selectors: [`greedy/${i}`], reader: address('greedy') }, HERE),
  )
  const modest = hub.read({ selectors: ['modest'], reader: address('modest') }, HERE)
  const sink = await open(hub, { selectors: ['t/**'], from: 'start', reader: address('stream') })
  letGo()
  await Promise.all([...greedy, modest, sink.until(() => sink.story().includes('tailrace.live'))])
  expect(asked.indexOf('modest')).toBeLessThan(8)
  expect(asked.indexOf('t/**')).toBeLessThan(8)
  await hub.close()
})

test('what clients asked for who have left is not read', async () => {
  const log = createMemoryLog()
  const { held, asked, letGo } = holding(log)
  const hub = await createHub({ log: held, heartbeatMs: 0, batchMs: 0 })
  await publishAll(hub, texts('t', 'x'))
  const leave = new AbortController()
  const busy = Array.from({ length: 4 }, () => hub.read({ selectors: ['busy'] }, HERE))
  const polls = Array.from({ length: 50 }, (_, i) => hub.read({ selectors: [`poll/${i}`] }, leave.signal))
  const settled = Promise.allSettled(polls)
  const sinks = await Promise.all(
    Array.from({ length: 50 }, (_, i) => open(hub, { selectors: [`stream/${i}/**`], from: 'start' })),
  )
  leave.abort()
  for (const sink of sinks.slice(1)) sink.leave()
  letGo()
  await Promise.all([...busy, settled, sinks[0]!.until(() => sinks[0]!.story().includes('tailrace.live'))])
  expect(asked.filter((one) => one !== 'busy')).toEqual(['stream/0/**'])
  expect(hub.counters.readsWaiting).toBe(0)
  await hub.close()
})

test('a page that several readers wait for is read as long as one of them is there', async () => {
  const log = createMemoryLog()
  const { held, letGo } = holding(log)
  const hub = await createHub({ log: held, heartbeatMs: 0, batchMs: 0 })
  await publishAll(hub, texts('t', 'x'))
  const busy = Array.from({ length: 4 }, () => hub.read({ selectors: ['busy'] }, HERE))
  const [first, second] = [
    await open(hub, { selectors: ['t/**'], from: 'start' }),
    await open(hub, { selectors: ['t/**'], from: 'start' }),
  ]
  first.leave()
  letGo()
  await Promise.all(busy)
  await second.until(() => second.story().includes('tailrace.live'))
  expect(second.story()).toEqual(['x', 'tailrace.live'])
  await hub.close()
})

// Which of these steps falls between the two depends on how many promises lie between a read and its reader.
test.each(Array.from({ length: 40 }, (_, steps) => steps))(
  'a reader that asks %i steps after the last one to wait for the same page has left gets the page all the same',
  async (steps) => {
    const log = createMemoryLog()
    const { held, letGo } = holding(log)
    const hub = await createHub({ log: held, heartbeatMs: 0, batchMs: 0 })
    await publishAll(hub, texts('t', 'x'))
    // Keeps the lane, and what it reads.
    await open(hub, { selectors: ['t/**'] })
    const busy = Array.from({ length: 4 }, () => hub.read({ selectors: ['busy'] }, HERE))
    const first = await open(hub, { selectors: ['t/**'], from: 'start' })
    first.leave()
    letGo()
    for (let step = 0; step < steps; step += 1) await Promise.resolve()
    const second = await open(hub, { selectors: ['t/**'], from: 'start' })
    await second.until(() => second.story().length > 1 || second.outcome !== 'open')
    expect(second.story()).toEqual(['x', 'tailrace.live'])
    await Promise.all(busy)
    await hub.close()
  },
)

test('a stream for which too much waits already is told so, and when to come back', async () => {
  const log = createMemoryLog()
  const { held, letGo } = holding(log)
  const hub = await createHub({ log: held, heartbeatMs: 0, batchMs: 0, maxQueuedReads: 8 })
  await publishAll(hub, texts('t', 'x'))
  const reads = Array.from({ length: 6 }, () => hub.read({ selectors: ['t'], reader: address('a') }, HERE))
  await expect(hub.read({ selectors: ['t'], reader: address('a') }, HERE)).rejects.toMatchObject({
    code: 'busy',
  })
  const sink = createScriptedSink()
  await hub.subscribe(reading({ selectors: ['*'], from: 'start', reader: address('a') }), () => sink)
  await sink.until(() => sink.outcome === 'ended')
  expect(sink.events().at(-1)).toMatchObject({ type: 'tailrace.error', data: '{"code":"busy"}' })
  expect(sink.text()).toMatch(/retry: \d+\nevent: tailrace.error|retry: \d+\n\nevent: tailrace.error/)
  expect(hub.counters).toMatchObject({ readsRefused: 2, closes: { busy: 1 } })
  letGo()
  await Promise.all(reads)
  await hub.close()
})
