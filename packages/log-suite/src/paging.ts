import type { CompleteEventLog, NewEvent } from '@tailrace/log'
import * as fc from 'fast-check'
import { expect } from 'vitest'

import { dataOf, offsetsOf, pagesOf, publish, query, readAll } from './reading.ts'
import type { Check } from './subject.ts'

async function publishTen(log: CompleteEventLog, data = (i: number): string => `${i}`): Promise<number[]> {
  const batch = Array.from({ length: 10 }, (_, i) => ({ topic: i % 2 === 0 ? 'even' : 'odd', data: data(i) }))
  return offsetsOf(await log.append(batch))
}

export function testPaging(check: Check): void {
  check('reads no more events than asked for, and says that there may be more', async ({ log }) => {
    const offsets = await publishTen(log)
    const page = await log.read(query(['even'], { limit: 2 }))
    expect(dataOf(page.events)).toEqual(['0', '2'])
    expect(page.more).toBe(true)
    expect(page.next).toBeGreaterThanOrEqual(offsets[2]!)
    expect(page.next).toBeLessThan(offsets[4]!)
  })

  check('reads only what is after a place', async ({ log }) => {
    const offsets = await publishTen(log)
    expect(dataOf(await readAll(log, ['even'], { after: offsets[4]! }))).toEqual(['6', '8'])
    expect(dataOf(await readAll(log, ['even'], { after: offsets[5]! }))).toEqual(['6', '8'])
    expect(dataOf(await readAll(log, ['even'], { after: offsets[6]! - 1 }))).toEqual(['6', '8'])
    expect(await readAll(log, ['even'], { after: offsets[8]! })).toEqual([])
  })

  check('ends at the newest offset of the log, whatever matched', async ({ log }) => {
    const newest = (await publishTen(log)).at(-1)!
    for (const selector of ['even', 'odd', 'none', '*', '**']) {
      const page = await log.read(query([selector]))
      expect(page).toMatchObject({ next: newest, more: false })
      expect(await log.read(query([selector], { after: newest }))).toMatchObject({
        events: [],
        next: newest,
        more: false,
      })
    }
  })

  check('stops after the event that reaches the bytes asked for', async ({ log }) => {
    await publishTen(log, () => 'é'.repeat(5))
    for (const selectors of [['even'], ['even', 'odd'], ['**']]) {
      const lengths: number[] = []
      for (const maxBytes of [1, 9, 10, 11, 20, 21]) {
        const page = await log.read(query(selectors, { maxBytes }))
        expect(page.more).toBe(true)
        lengths.push(page.events.length)
      }
      expect(lengths).toEqual([1, 1, 1, 2, 2, 3])
    }
  })

  check('reads a single event that is larger than the bytes asked for', async ({ log }) => {
    await log.append(['small', 'x'.repeat(100_000), 'small'].map((data) => ({ topic: 'a', data })))
    const lengths: number[] = []
    const events = await pagesOf(
      (asked) => log.read(asked),
      query(['a'], { maxBytes: 1000 }),
      async (page) => {
        lengths.push(page.events.length)
      },
    )
    expect(events.map(({ data }) => data.length)).toEqual([5, 100_000, 5])
    expect(lengths[0]).toBe(2)
  })

  check('reads empty events, which have no bytes, within the limit', async ({ log }) => {
    await publishTen(log, () => '')
    const page = await log.read(query(['**'], { limit: 4, maxBytes: 1 }))
    expect(page.events).toHaveLength(4)
    expect(await readAll(log, ['**'], { limit: 4, maxBytes: 1 })).toHaveLength(10)
  })

  check('reads over stretches without a match, however long', async ({ log }) => {
    const quiet = Array.from({ length: 3000 }, (_, i) => ({ topic: `noise/${i % 3}`, data: '' }))
    for (const round of ['1', '2', '3']) {
      await publish(log, 'a', round)
      await log.append(quiet)
      await publish(log, 'b', round)
    }
    expect(dataOf(await readAll(log, ['a', 'b'], { limit: 1 }))).toEqual(['1', '1', '2', '2', '3', '3'])
    expect(dataOf(await readAll(log, ['b', 'c'], { limit: 2 }))).toEqual(['1', '2', '3'])
    expect(dataOf(await readAll(log, ['a'], { limit: 1 }))).toEqual(['1', '2', '3'])
  })

  check('ends a page early rather than examine many events that do not match', async ({ log }) => {
    const noise = Array.from({ length: 20_000 }, (_, i) => ({ topic: `t/${i % 2000}/noise`, data: '' }))
    await publish(log, 't/1/wanted', '1')
    await log.append(noise)
    await publish(log, 't/2/wanted', '2')
    await log.append(noise)
    const ends: number[] = []
    const events = await pagesOf(
      (asked) => log.read(asked),
      query(['t/*/wanted']),
      async ({ next }) => void ends.push(next),
    )
    expect(dataOf(events)).toEqual(['1', '2'])
    expect(ends.length).toBeGreaterThan(4)
    const { newest } = await log.describe()
    expect(await log.read(query(['t/*/wanted'], { after: newest }))).toMatchObject({
      events: [],
      next: newest,
      more: false,
    })
  })

  check('misses nothing that is stored while it reads', async ({ log }) => {
    const count = 600
    let isPublishing = true
    async function publishToNewTopics(): Promise<void> {
      for (let i = 0; i < count; i += 1) await publish(log, `t/${i}`, `${i}`)
      isPublishing = false
    }
    async function follow(selector: string, limit: number): Promise<string[]> {
      const followed: string[] = []
      for (let after = 0, isLast = false; !isLast;) {
        isLast = !isPublishing
        const page = await log.read(query([selector], { after, limit }))
        followed.push(...dataOf(page.events))
        isLast &&= !page.more
        after = page.next
      }
      return followed
    }
    const [one, few, all] = await Promise.all([
      follow('t/*', 1),
      follow('*/**', 50),
      follow('**', 50),
      publishToNewTopics(),
    ])
    const expected = Array.from({ length: count }, (_, i) => `${i}`)
    expect(one).toEqual(expected)
    expect(few).toEqual(expected)
    expect(all).toEqual(expected)
  })

  check('loses and repeats nothing over pages, with events appended between them', async ({ log }) => {
    const stored: { offset: number; topic: string; data: string }[] = []
    async function append(batch: readonly NewEvent[]): Promise<void> {
      const appended = await log.append(batch)
      for (const [i, { offset }] of appended.entries()) {
        stored.push({ offset, topic: batch[i]!.topic, data: batch[i]!.data })
      }
    }
    await append(TOPICS.map((topic) => ({ topic, data: 'seed' })))

    await fc.assert(
      fc.asyncProperty(randomRead, async ({ before, between, selectors, skip, limit, maxBytes }) => {
        await append(before)
        const after = skip === 0 ? 0 : stored[Math.floor(skip * (stored.length - 1))]!.offset
        const later = [...between]
        const events = await pagesOf(
          (asked) => log.read(asked),
          query(selectors, { after, limit, maxBytes }),
          async () => {
            const batch = later.shift()
            if (batch !== undefined) await append(batch)
          },
        )
        const expected = stored.filter(
          ({ offset, topic }) => offset > after && selectors.some((selector) => selects(selector, topic)),
        )
        expect(events.map(({ offset, topic, data }) => ({ offset, topic, data }))).toEqual(expected)
      }),
      { numRuns: 60 },
    )
  })
}

const TOPICS = ['a', 'b', 'a/b', 'a/b/c', 'a/c', 'b/c', 'b/c/d', 'ab', 'a0']
const SELECTORS = [...TOPICS, 'none', '*', '**', 'a/*', 'a/**', '*/c', '*/*', '*/*/**', 'a/b/**', '*/c/*']

const randomBatch = fc.array(
  fc.record({ topic: fc.constantFrom(...TOPICS), data: fc.string({ unit: 'grapheme', maxLength: 12 }) }),
  { minLength: 1, maxLength: 6 },
)

const randomRead = fc.record({
  before: randomBatch,
  between: fc.array(randomBatch, { maxLength: 4 }),
  selectors: fc.array(fc.constantFrom(...SELECTORS), { minLength: 1, maxLength: 4 }),
  skip: fc.oneof(fc.constant(0), fc.double({ min: 0.5, max: 1, noNaN: true })),
  limit: fc.integer({ min: 1, max: 20 }),
  maxBytes: fc.constantFrom(1, 5, 40, 2 ** 20),
})

/** The topics that a selector selects, implemented in a second way. */
function selects(selector: string, topic: string): boolean {
  const source = selector
    .replaceAll('/**', '(/.+)?')
    .replaceAll(/(?<![^/])\*\*$/g, '.+')
    .replaceAll(/(?<=^|\/)\*(?=\/|$|\()/g, '[^/]+')
  return new RegExp(`^${source}$`).test(topic)
}
