import type { NewEvent, Page, StoredEvent } from '@tailrace/log'
import { expect } from 'vitest'

import { NO_LISTENER, recordTail } from './listener.ts'
import { dataOf, offsetsOf, publish, query, readAll, snapshotAll } from './reading.ts'
import { expectRejection } from './rejection.ts'
import type { Check } from './subject.ts'

const BATCHES = 30
const BATCH_LENGTH = 12

/** Each event names its batch and its position in it. */
function batch(id: number): NewEvent[] {
  return Array.from({ length: BATCH_LENGTH }, (_, i) => ({ topic: `t/${(id + i) % 5}`, data: `${id}.${i}` }))
}

export function testAppend(check: Check): void {
  check('returns a result for every event of a batch, in order', async ({ log }) => {
    const appended = await log.append(batch(1))
    expect(appended.map(({ duplicate }) => duplicate)).toEqual(Array(BATCH_LENGTH).fill(false))
    const events = await readAll(log, ['**'])
    expect(dataOf(events)).toEqual(dataOf(batch(1)))
    expect(offsetsOf(events)).toEqual(offsetsOf(appended))
  })

  check('keeps batches contiguous, no matter how many are appended at once', async ({ log }) => {
    await Promise.all(Array.from({ length: BATCHES }, (_, id) => log.append(batch(id))))
    const events = await readAll(log, ['**'], { limit: 17 })
    const order = events.filter((_, i) => i % BATCH_LENGTH === 0).map(({ data }) => Number.parseInt(data, 10))
    expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: BATCHES }, (_, id) => id))
    expect(dataOf(events)).toEqual(dataOf(order.flatMap(batch)))
  })

  check.with(
    ['snapshots', 'topics'],
    'stores nothing of a batch with one event that cannot be stored',
    async ({ log }) => {
      await publish(log, 'over', 'last', { end: true })
      const before = await log.describe()
      const bad = [
        { topic: 'new', data: '1', key: 'k' },
        { topic: 'over', data: '2' },
        { topic: 'new', data: '3' },
      ]
      await expectRejection(log.append(bad), 'topic-ended')
      expect(dataOf(await readAll(log, ['**']))).toEqual(['last'])
      expect(await snapshotAll(log, ['**'])).toEqual([])
      expect(await log.topics.list({ prefix: '', after: '', limit: 10 })).toHaveLength(1)
      expect((await log.describe()).newest).toBe(before.newest)
    },
  )

  check.with('topics', 'does not report a batch that it refuses', async ({ log }) => {
    await publish(log, 'over', '', { end: true })
    const recorded = await recordTail(log)
    await expectRejection(
      log.append([
        { topic: 'new', data: 'refused' },
        { topic: 'over', data: 'refused' },
      ]),
      'topic-ended',
    )
    await recorded.reach(await publish(log, 'new', 'accepted'))
    expect(dataOf(recorded.events)).toEqual(['accepted'])
  })

  check.with(
    'topics',
    'claims no idempotency key and ends no topic for a batch that it refuses',
    async ({ log }) => {
      await publish(log, 'over', '', { end: true })
      const event = { topic: 'new', data: '', idempotencyKey: 'once', end: true }
      await expectRejection(log.append([event, { topic: 'over', data: '' }]), 'topic-ended')
      expect(await log.topics.ended(['new'])).toEqual([undefined])
      expect(await log.append([event])).toMatchObject([{ duplicate: false }])
    },
  )

  check.with('topics', 'refuses a batch without affecting concurrent ones', async ({ log }) => {
    await publish(log, 'over', 'last', { end: true })
    const settled = await Promise.allSettled(
      Array.from({ length: 40 }, (_, i) =>
        log.append([
          { topic: 'a', data: `${i}` },
          { topic: i % 4 === 0 ? 'over' : 'b', data: `${i}` },
        ]),
      ),
    )
    expect(settled.map(({ status }) => status)).toEqual(
      settled.map((_, i) => (i % 4 === 0 ? 'rejected' : 'fulfilled')),
    )
    const accepted = settled.flatMap((_, i) => (i % 4 === 0 ? [] : [`${i}`]))
    for (const topic of ['a', 'b']) {
      const stored = dataOf(await readAll(log, [topic]))
      expect(new Set(stored)).toEqual(new Set(accepted))
      expect(stored).toHaveLength(accepted.length)
    }
  })

  check('reads its own writes at once', async ({ log }) => {
    const publishers = Array.from({ length: 8 }, async (_, publisher) => {
      for (let i = 0; i < 12; i += 1) {
        const topic = `t/${publisher}`
        const offset = await publish(log, topic, `${i}`, { key: 'k' })
        const page = await log.read(query(['t/*'], { after: offset - 1, limit: 1 }))
        expect(page.events).toMatchObject([{ offset, topic, data: `${i}` }])
      }
    })
    await Promise.all(publishers)
    expect(await readAll(log, ['**'])).toHaveLength(96)
  })

  check.with('snapshots', 'includes its own writes in snapshots at once', async ({ log }) => {
    for (let i = 0; i < 12; i += 1) {
      await publish(log, 'a', `${i}`, { key: 'k' })
      expect(dataOf(await snapshotAll(log, ['a']))).toEqual([`${i}`])
    }
  })

  check('reads what its tail has reported, at once', async ({ log }) => {
    const reads: [StoredEvent, Promise<Page>][] = []
    const tail = await log.tail({
      ...NO_LISTENER,
      events(events) {
        const last = events.at(-1)!
        reads.push([last, log.read(query(['**'], { after: last.offset - 1, limit: 1 }))])
      },
    })
    const recorded = await recordTail(log)
    const offsets = await Promise.all(Array.from({ length: 20 }, (_, i) => publish(log, 'a', `${i}`)))
    await recorded.reach(Math.max(...offsets))
    for (const [reported, read] of reads) expect((await read).events).toEqual([reported])
    expect(reads.length).toBeGreaterThan(0)
    tail.stop()
  })
}
