import { tailraceDialect } from '@tailrace/http'
import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { createMemoryLog } from '@tailrace/log'
import type { EventLog } from '@tailrace/log'
import { beforeEach, expect, test } from 'vitest'
import { Replay } from '../src/replay.ts'
import { open, publishAll, publishOne, texts } from './opening.ts'

let log: EventLog
let hub: Hub
let reads: number
/** What a page that was read waits for before it is handed on. */
let held: Promise<void> | undefined
let ids: readonly string[]

beforeEach(async () => {
  reads = 0
  held = undefined
  log = createMemoryLog()
  const counted: EventLog = {
    ...log,
    async read(query) {
      reads += 1
      const wait = held
      const page = await log.read(query)
      await wait
      return page
    },
  }
  hub = await createHub({ log: counted, heartbeatMs: 0, batchMs: 0 })
  ids = await publishAll(hub, texts('t', ...Array.from({ length: 100 }, (_, i) => `missed ${i}`)))
  await publishAll(hub, texts('t', ...Array.from({ length: 10 }, (_, i) => `new ${i}`)))
})

const missed = Array.from({ length: 99 }, (_, i) => `missed ${i + 1}`)
const since = Array.from({ length: 10 }, (_, i) => `new ${i}`)

test('readers that come back to the same place share one read of the log, and its bytes', async () => {
  const readers = await Promise.all(
    Array.from({ length: 50 }, () => open(hub, { selectors: ['t'], from: ids[0] })),
  )
  await Promise.all(readers.map((reader) => reader.until(() => reader.story().includes('tailrace.live'))))
  for (const reader of readers) expect(reader.story()).toEqual([...missed, ...since, 'tailrace.live'])
  expect(reads).toBe(1)
  const [bytes, ...others] = readers.map(({ chunks }) => chunks[1])
  expect(others.every((one) => one === bytes)).toBe(true)
})

test('readers that come back to other places of the same page share it too', async () => {
  const first = await open(hub, { selectors: ['t'], from: ids[0] })
  await first.until(() => first.story().includes('tailrace.live'))
  for (const [i, from] of ids.entries()) {
    const reader = await open(hub, { selectors: ['t'], from })
    await reader.until(() => reader.story().includes('tailrace.live'))
    expect(reader.story()).toEqual([...missed.slice(i), ...since, 'tailrace.live'])
  }
  expect(reads).toBe(1)
})

test('what is published after a page was read is not missed by those who get the page', async () => {
  const first = await open(hub, { selectors: ['t'], from: ids[0] })
  await first.until(() => first.story().includes('tailrace.live'))
  await publishOne(hub, { topic: 't', data: 'later' })
  const second = await open(hub, { selectors: ['t'], from: ids[0] })
  await second.until(() => second.story().includes('tailrace.live'))
  expect(second.story()).toEqual([...missed, ...since, 'later', 'tailrace.live'])
})

test('nothing that was purged comes from a page that was read before', async () => {
  const first = await open(hub, { selectors: ['t'], from: ids[0] })
  await first.until(() => first.story().includes('tailrace.live'))
  await hub.purge('t')
  const second = await open(hub, { selectors: ['t'], from: ids[0] })
  await second.until(() => second.story().includes('tailrace.live'))
  expect(second.story()).toEqual(['tailrace.gap', 'tailrace.live'])
})

test('nothing that was purged comes from a page that was on its way', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  held = promise
  const before = await open(hub, { selectors: ['t'], from: 'start' })
  await hub.purge('t')
  held = undefined
  const after = await open(hub, { selectors: ['t'], from: 'start' })
  await after.until(() => after.story().includes('tailrace.live'))
  resolve()
  await before.until(() => before.story().includes('tailrace.live'))
  const late = await open(hub, { selectors: ['t'], from: 'start' })
  await late.until(() => late.story().includes('tailrace.live'))
  for (const reader of [before, after, late]) {
    expect(reader.story().filter((one) => !one.startsWith('tailrace.'))).toEqual([])
  }
})

test('a page that comes when all its readers have left is not kept', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const page = { events: [], next: 7, more: false, lostThrough: 0, losses: 0 }
  const event = { offset: 7, topic: 't', type: undefined, key: undefined, data: 'x', time: 0 }
  const view = {
    epoch: 'e',
    head: 7,
    now: 7,
    read: async () => {
      await promise
      return { ...page, events: [{ ...event, remove: false, end: false, trace: undefined }] }
    },
    snapshot: async () => page,
    describe: () => log.describe(),
    lastWords: () => new Uint8Array(),
    report() {},
  }
  const plain = tailraceDialect({ envelope: false, namesTopic: false, traces: false, times: false })
  let changes = 0
  const replay = new Replay(['t'], plain, false, 'e', () => (changes += 1))
  const coming = replay.page(view, { offset: 0, partial: undefined }, { client: '', isGone: false })
  replay.forget()
  resolve()
  expect((await coming).frames).toHaveLength(1)
  expect([replay.heldBytes, changes]).toEqual([0, 0])
})

test('what came meanwhile is not taken from the log where the window has it', async () => {
  const reader = await open(hub, { selectors: ['t'], from: ids[0] })
  await reader.until(() => reader.story().includes('tailrace.live'))
  await publishAll(hub, texts('t', 'a', 'b'))
  expect(reader.story().slice(-2)).toEqual(['a', 'b'])
  expect(reads).toBe(1)
})
