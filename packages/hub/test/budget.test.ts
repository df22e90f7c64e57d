import { tailraceDialect } from '@tailrace/http'
import { createHub } from '@tailrace/hub'
import { createMemoryLog } from '@tailrace/log'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Budget } from '../src/budget.ts'
import { Counters } from '../src/counters.ts'
import { Lane } from '../src/lane.ts'
import { open, publishOne } from './opening.ts'

test('what all hold together stays within the bound, and the coldest gives way', () => {
  const change = fc.record({ holder: fc.nat(5), bytes: fc.nat(40) })
  fc.assert(
    fc.property(fc.array(change), (changes) => {
      const budget = new Budget(100)
      const warmth: number[] = []
      const holders = Array.from({ length: 6 }, (_, i) => ({
        heldBytes: 0,
        evict() {
          // Nobody that is colder has anything left.
          const colder = warmth.slice(0, warmth.indexOf(i))
          expect(colder.every((other) => holders[other]!.heldBytes === 0)).toBe(true)
          holders[i]!.heldBytes = 0
        },
      }))
      for (const { holder, bytes } of changes) {
        holders[holder]!.heldBytes = bytes
        if (warmth.includes(holder)) warmth.splice(warmth.indexOf(holder), 1)
        warmth.push(holder)
        budget.update(holders[holder]!)
        expect(holders.reduce((sum, { heldBytes }) => sum + heldBytes, 0)).toBeLessThanOrEqual(100)
        expect(holders[holder]!.heldBytes).toBe(bytes)
      }
    }),
  )
})

test('a reader whose lane went cold misses nothing', async () => {
  const kib = 'x'.repeat(1000)
  const log = createMemoryLog()
  const hub = await createHub({ log, heartbeatMs: 0, batchMs: 0, windowBytes: 4000, windowTotalBytes: 8000 })
  const cold = await open(hub, { selectors: ['cold'] })
  const conflated = await open(hub, { selectors: ['cold'], conflateMs: 60_000 })
  await publishOne(hub, { topic: 'cold', data: 'seen' })
  cold.drain(0)
  for (const data of ['one', 'two']) await publishOne(hub, { topic: 'cold', key: 'k', data: data + kib })
  for (let i = 0; i < 10; i += 1) {
    const hot = await open(hub, { selectors: [`hot/${i}`] })
    await publishOne(hub, { topic: `hot/${i}`, data: kib })
    expect(hot.events()).toHaveLength(2)
  }
  let reads = 0
  const { read } = log
  log.read = (query) => {
    reads += 1
    return read.call(log, query)
  }
  cold.drain()
  await cold.untilEvents(4)
  expect(cold.story()).toEqual(['tailrace.live', 'seen', `one${kib}`, `two${kib}`])
  // From the log: its frames gave way.
  expect(reads).toBeGreaterThan(0)
  // What was held back gave way too. It comes with the next event, or when it is due.
  await hub.publish([{ topic: 'cold', data: 'x'.repeat(4000) }])
  await conflated.untilEvents(4)
  expect(conflated.story()).toEqual(['tailrace.live', 'seen', `two${kib}`, 'x'.repeat(4000)])
  await hub.close()
})

test('what a lane held back when it gave way is news to those that were served before', () => {
  const facts = {
    selectors: ['t'],
    dialect: tailraceDialect({ envelope: false, namesTopic: false, traces: false, times: false }),
    conflateMs: 60_000,
    epoch: 'e',
    head: 0,
    windowBytes: 1000,
    stallMs: 1000,
    heartbeatMs: 0,
  }
  const listener = { empty() {}, due() {} }
  const lane = new Lane({ ...facts, counters: new Counters(), budget: new Budget(1000) }, listener)
  const event = {
    topic: 't',
    type: undefined,
    key: 'k',
    data: 'x',
    time: 0,
    remove: false,
    end: false,
    trace: undefined,
  }
  lane.push({ ...event, offset: 1 })
  lane.settle()
  lane.flush(1)
  lane.push({ ...event, offset: 2 })
  lane.settle()
  expect(lane.newsBytes).toBe(0)
  lane.evict()
  expect(lane.newsBytes).toBeGreaterThan(0)
  lane.stop()
})
