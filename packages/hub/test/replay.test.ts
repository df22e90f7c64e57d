import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { createMemoryLog } from '@tailrace/log'
import type { EventLog } from '@tailrace/log'
import { beforeEach, expect, test } from 'vitest'
import { open, publishAll, publishOne, texts } from './opening.ts'

let log: EventLog
let hub: Hub
let reads: number
let ids: readonly string[]

beforeEach(async () => {
  reads = 0
  log = createMemoryLog()
  const counted: EventLog = {
    ...log,
    read(query) {
      reads += 1
      return log.read(query)
    },
  }
  hub = await createHub(counted, { heartbeatMs: 0, batchMs: 0 })
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

test('what came meanwhile is not taken from the log where the window has it', async () => {
  const reader = await open(hub, { selectors: ['t'], from: ids[0] })
  await reader.until(() => reader.story().includes('tailrace.live'))
  await publishAll(hub, texts('t', 'a', 'b'))
  expect(reader.story().slice(-2)).toEqual(['a', 'b'])
  expect(reads).toBe(1)
})
