import { formatCursor, parseCursor } from '@tailrace/log'
import { expect } from 'vitest'

import { dataOf, offsetsOf, publish, readAll, trimAll } from './reading.ts'
import { START_TIME, type Check } from './subject.ts'

export function testOrder(check: Check): void {
  check('is empty at first, with an identity that fits a cursor', async ({ log }) => {
    const { epoch, oldest, newest } = await log.describe()
    expect(oldest).toBe(newest + 1)
    expect(parseCursor(formatCursor(epoch, newest))).toEqual({ epoch, offset: newest })
    expect(await readAll(log, ['**'])).toEqual([])
  })

  check('has its own identity', async ({ log, another }) => {
    const [one, two] = [await log.describe(), await (await another()).describe()]
    expect(one.epoch).not.toBe(two.epoch)
  })

  check('describes its oldest and newest event', async ({ log }) => {
    const first = await publish(log, 'a', '1')
    await publish(log, 'b', '2')
    const last = await publish(log, 'a', '3')
    expect(await log.describe()).toMatchObject({ oldest: first, newest: last })
  })

  check('gives growing offsets above 0 over all topics', async ({ log }) => {
    let previous = 0
    for (const topic of ['b', 'a', 'c/d', 'a', 'b']) {
      const offset = await publish(log, topic, '')
      expect(offset).toBeGreaterThan(previous)
      previous = offset
    }
  })

  check('gives concurrent publishers different offsets, and reads them in that order', async ({ log }) => {
    const published = await Promise.all(
      Array.from({ length: 100 }, async (_, i) => ({
        data: `${i}`,
        offset: await publish(log, `t/${i % 7}`, `${i}`),
      })),
    )
    const events = await readAll(log, ['**'], { limit: 7 })
    const expected = published.toSorted((a, b) => a.offset - b.offset)
    expect(offsetsOf(events)).toEqual(offsetsOf(expected))
    expect(dataOf(events)).toEqual(dataOf(expected))
  })

  check.with('retention', 'never gives an offset again, even when its event is gone', async ({ log }) => {
    const offset = await publish(log, 'a', '1')
    await log.retention.purge('a')
    await trimAll(log, [], START_TIME)
    expect(await publish(log, 'a', '2')).toBeGreaterThan(offset)
  })

  check.with(
    'reopen',
    'keeps identity, events and order when it is opened again',
    async ({ log, reopen }) => {
      await publish(log, 'a', '1', { key: 'k', type: 't' })
      await publish(log, 'b', '2')
      const [before, described] = [await readAll(log, ['**']), await log.describe()]
      const again = await reopen()
      expect(await readAll(again, ['**'])).toEqual(before)
      expect(await again.describe()).toEqual(described)
      expect(await publish(again, 'a', '3')).toBeGreaterThan(described.newest)
    },
  )

  check.with(
    ['reopen', 'retention'],
    'never gives an offset again after it is opened again',
    async ({ log, reopen }) => {
      const offset = await publish(log, 'a', '1')
      await log.retention.purge('a')
      await trimAll(log, [], START_TIME)
      const again = await reopen()
      expect((await again.describe()).newest).toBe(offset)
      expect(await publish(again, 'b', '2')).toBeGreaterThan(offset)
    },
  )

  check.with('clock', 'stamps events with the time of its clock', async ({ log, setClock }) => {
    await publish(log, 'a', '1')
    setClock(START_TIME - 5000)
    await publish(log, 'a', '2')
    const events = await readAll(log, ['a'])
    expect(events.map((event) => event.time)).toEqual([START_TIME, START_TIME - 5000])
  })

  check('is ready while it is open', async ({ log }) => {
    await expect(log.ready()).resolves.toBeUndefined()
  })
}
