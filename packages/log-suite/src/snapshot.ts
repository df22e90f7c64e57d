import * as fc from 'fast-check'
import { expect } from 'vitest'

import { dataOf, pagesOf, publish, query, readAll, snapshotAll, trimAll } from './reading.ts'
import { START_TIME, type Check } from './subject.ts'

export function testSnapshot(check: Check): void {
  check('holds the newest event of each key, in log order', async ({ log }) => {
    await log.append([
      { topic: 'a', key: 'x', data: 'x1' },
      { topic: 'a', key: 'y', data: 'y1' },
      { topic: 'a', key: 'z', data: 'z1' },
      { topic: 'a', key: 'x', data: 'x2' },
    ])
    await publish(log, 'a', 'y2', { key: 'y', type: 't' })
    const events = await snapshotAll(log, ['a'])
    expect(dataOf(events)).toEqual(['z1', 'x2', 'y2'])
    const all = await readAll(log, ['a'])
    expect(events).toEqual(all.filter(({ data }) => dataOf(events).includes(data)))
  })

  check('has no events without a key, which change none with one', async ({ log }) => {
    await log.append([
      { topic: 'a', key: 'k', data: '1' },
      { topic: 'a', data: '2' },
    ])
    expect(dataOf(await snapshotAll(log, ['a']))).toEqual(['1'])
    expect(await snapshotAll(log, ['b'])).toEqual([])
  })

  check('distinguishes the empty key from no key', async ({ log }) => {
    await log.append([
      { topic: 'a', key: '', data: '1' },
      { topic: 'a', data: '2' },
    ])
    expect(await snapshotAll(log, ['a'])).toMatchObject([{ key: '', data: '1' }])
  })

  check('distinguishes the keys of different topics', async ({ log }) => {
    await log.append([
      { topic: 'a', key: 'k', data: 'a' },
      { topic: 'a/b', key: 'k', data: 'a/b' },
      { topic: 'b', key: 'k', data: 'b' },
      { topic: 'a', key: 'b/k', data: 'a b/k' },
      { topic: 'a/b', key: 'k', data: 'a/b again' },
    ])
    expect(dataOf(await snapshotAll(log, ['a']))).toEqual(['a', 'a b/k'])
    expect(dataOf(await snapshotAll(log, ['a/**']))).toEqual(['a', 'a b/k', 'a/b again'])
    expect(dataOf(await snapshotAll(log, ['b', 'a/b']))).toEqual(['b', 'a/b again'])
    expect(dataOf(await snapshotAll(log, ['**'], { limit: 1 }))).toEqual(['a', 'b', 'a b/k', 'a/b again'])
  })

  check('is as of the offset of its last page', async ({ log }) => {
    await publish(log, 'a', '1', { key: 'k' })
    const newest = await publish(log, 'b', '2')
    expect(await log.snapshots.read(query(['a']))).toMatchObject({ next: newest, more: false })
  })

  check('comes in pages that are bounded in events and in bytes', async ({ log }) => {
    const keys = Array.from({ length: 30 }, (_, i) => `k${i}`)
    await log.append(keys.map((key) => ({ topic: 'a', key, data: 'old' })))
    await log.append(keys.map((key) => ({ topic: 'a', key, data: 'x'.repeat(10) })))
    expect((await log.snapshots.read(query(['a'], { limit: 4 }))).events).toHaveLength(4)
    expect((await log.snapshots.read(query(['a'], { maxBytes: 25 }))).events).toHaveLength(3)
    const events = await snapshotAll(log, ['a'], { limit: 4, maxBytes: 25 })
    expect(events.map(({ key }) => key)).toEqual(keys)
  })

  check.with('retention', 'never misses a key that changes between its pages', async ({ log }) => {
    await fc.assert(
      fc.asyncProperty(randomChanges, async ({ topic, selector, before, between, limit }) => {
        const state = new Map<string, string>()
        async function change(keys: readonly string[]): Promise<void> {
          for (const key of keys) {
            const data = `${state.size}:${Math.random()}`
            await publish(log, topic, data, { key })
            state.set(key, data)
          }
        }
        await log.retention.purge(topic)
        await change(before)
        const later = [...between]
        const events = await pagesOf(
          (asked) => log.snapshots.read(asked),
          query([selector, topic], { limit }),
          () => change(later.shift() ?? []),
        )
        const seen = new Map(
          events.filter((event) => event.topic === topic).map(({ key, data }) => [key!, data]),
        )
        expect(seen).toEqual(state)
      }),
      { numRuns: 30 },
    )
  })

  check('has no key that was removed, until it is published again', async ({ log }) => {
    await publish(log, 'a', 'x1', { key: 'x' })
    await publish(log, 'a', 'y1', { key: 'y' })
    await publish(log, 'b', 'other topic', { key: 'x' })
    await publish(log, 'a', 'gone', { key: 'x', remove: true })
    expect(dataOf(await snapshotAll(log, ['a']))).toEqual(['y1'])
    expect(dataOf(await snapshotAll(log, ['**']))).toEqual(['y1', 'other topic'])
    await publish(log, 'a', 'x2', { key: 'x' })
    expect(dataOf(await snapshotAll(log, ['a']))).toEqual(['y1', 'x2'])
  })

  check(
    'drops a key that its batch sets and removes, and keeps one that it removes and sets',
    async ({ log }) => {
      await log.append([
        { topic: 'a', key: 'x', data: 'x1' },
        { topic: 'a', key: 'x', data: '', remove: true },
        { topic: 'a', key: 'y', data: '', remove: true },
        { topic: 'a', key: 'y', data: 'y1' },
      ])
      expect(dataOf(await snapshotAll(log, ['a']))).toEqual(['y1'])
    },
  )

  check.with(
    'retention',
    'keeps the removal itself as history, also of a key that nobody set',
    async ({ log }) => {
      await publish(log, 'a', '1', { key: 'k' })
      await log.append([
        { topic: 'a', key: 'k', data: '2', remove: true },
        { topic: 'a', key: 'never', data: '3', remove: true },
        { topic: 'a', key: 'k', data: '4', remove: false },
      ])
      expect((await readAll(log, ['a'])).map(({ key, data, remove }) => [key, data, remove])).toEqual([
        ['k', '1', false],
        ['k', '2', true],
        ['never', '3', true],
        ['k', '4', false],
      ])
      await trimAll(log, [{ selector: '**', maxCount: 1 }], START_TIME)
      expect(dataOf(await readAll(log, ['a']))).toEqual(['3', '4'])
      await trimAll(log, [{ selector: '**', maxCount: 0 }], START_TIME)
      expect(dataOf(await readAll(log, ['a']))).toEqual(['4'])
    },
  )

  check('removes a key once for each idempotency key', async ({ log }) => {
    await publish(log, 'a', '1', { key: 'k' })
    const removed = await publish(log, 'a', '', { key: 'k', remove: true, idempotencyKey: 'once' })
    await publish(log, 'a', '2', { key: 'k' })
    const again = await log.append([{ topic: 'a', data: '', key: 'k', remove: true, idempotencyKey: 'once' }])
    expect(again).toEqual([{ offset: removed, duplicate: true }])
    expect(dataOf(await snapshotAll(log, ['a']))).toEqual(['2'])
  })

  check.with(
    'retention',
    'and what follows the newest offset of its first page are the state, whatever is removed meanwhile',
    async ({ log }) => {
      await fc.assert(
        fc.asyncProperty(randomChanges, async ({ topic, selector, before, between, limit }) => {
          const expected = new Map<string, string>()
          let count = 0
          async function change(keys: readonly string[]): Promise<void> {
            for (const key of keys) {
              count += 1
              const remove = expected.has(key)
              await publish(log, topic, `${count}`, { key, remove })
              if (remove) expected.delete(key)
              else expected.set(key, `${count}`)
            }
          }
          await log.retention.purge(topic)
          await change(before)
          const { newest } = await log.describe()
          const later = [...between]
          const shown = await pagesOf(
            (asked) => log.snapshots.read(asked),
            query([selector, topic], { limit }),
            () => change(later.shift() ?? []),
          )
          await change(later.flat())
          const state = new Map<string, string>()
          const followed = await readAll(log, [selector, topic], { after: newest })
          for (const event of [...shown.filter(({ offset }) => offset <= newest), ...followed]) {
            if (event.topic !== topic) continue
            if (event.remove) state.delete(event.key!)
            else state.set(event.key!, event.data)
          }
          expect(state).toEqual(expected)
        }),
        { numRuns: 30 },
      )
    },
  )

  check.with('retention', 'has nothing of a topic that was purged', async ({ log }) => {
    await publish(log, 'a', '1', { key: 'k' })
    await publish(log, 'b', '2', { key: 'k' })
    await log.retention.purge('a')
    expect(dataOf(await snapshotAll(log, ['a']))).toEqual([])
    expect(dataOf(await snapshotAll(log, ['**']))).toEqual(['2'])
    await publish(log, 'a', '3', { key: 'k2' })
    expect(dataOf(await snapshotAll(log, ['a', 'b']))).toEqual(['2', '3'])
  })

  check.with(
    ['clock', 'retention'],
    'has no key whose newest event is too old',
    async ({ log, setClock }) => {
      await publish(log, 'a', 'old', { key: 'k1' })
      setClock(START_TIME + 5000)
      await publish(log, 'a', 'young', { key: 'k2' })
      await trimAll(log, [{ selector: '**', maxAgeMs: 1000 }], START_TIME + 5000)
      expect(dataOf(await snapshotAll(log, ['a']))).toEqual(['young'])
      expect(dataOf(await snapshotAll(log, ['**']))).toEqual(['young'])
    },
  )

  check.with('reopen', 'has no removed key after the log is opened again', async ({ log, reopen }) => {
    await publish(log, 'a', '1', { key: 'k' })
    await publish(log, 'a', '2', { key: 'k', remove: true })
    const again = await reopen()
    expect(await snapshotAll(again, ['a'])).toEqual([])
    expect((await readAll(again, ['a'])).map(({ remove }) => remove)).toEqual([false, true])
  })

  check.with('reopen', 'is the same after the log is opened again', async ({ log, reopen }) => {
    for (const data of ['1', '2']) await publish(log, 'a', data, { key: 'k' })
    const before = await snapshotAll(log, ['**'])
    const again = await reopen()
    expect(await snapshotAll(again, ['**'])).toEqual(before)
    await publish(again, 'a', '3', { key: 'k' })
    expect(dataOf(await snapshotAll(again, ['**']))).toEqual(['3'])
  })
}

const randomKeys = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { maxLength: 6 })

const randomChanges = fc.record({
  topic: fc.constantFrom('s', 's/t'),
  selector: fc.constantFrom('none', 's/**', '**', '*'),
  before: randomKeys,
  between: fc.array(randomKeys, { maxLength: 4 }),
  limit: fc.integer({ min: 1, max: 4 }),
})
