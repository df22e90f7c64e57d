import { expect } from 'vitest'

import { dataOf, lostThrough, publish, readAll, trimAll } from './reading.ts'
import { START_TIME, type Check } from './subject.ts'

export function testPurge(check: Check): void {
  check('removes every event of a topic, and none of another', async ({ log }) => {
    await log.append(['a', 'a/b', 'ab', 'a'].map((topic) => ({ topic, data: topic })))
    expect(await log.retention.purge('a')).toBe(true)
    expect(await readAll(log, ['a'])).toEqual([])
    for (const selector of ['**', '*/**']) {
      expect(dataOf(await readAll(log, [selector], { limit: 1 }))).toEqual(['a/b', 'ab'])
    }
    expect(dataOf(await readAll(log, ['a', 'ab']))).toEqual(['ab'])
  })

  check('does not know a topic that never was, nor one that is purged', async ({ log }) => {
    await publish(log, 'a', '')
    expect(await log.retention.purge('b')).toBe(false)
    expect(await log.retention.purge('a')).toBe(true)
    expect(await log.retention.purge('a')).toBe(false)
    await trimAll(log, [], START_TIME)
    expect(await log.retention.purge('a')).toBe(false)
    await publish(log, 'a', '')
    expect(await log.retention.purge('a')).toBe(true)
  })

  check.with('topics', 'drops the topic from the listing until it is published to again', async ({ log }) => {
    await publish(log, 'a', '', { end: true })
    await publish(log, 'b', '')
    await log.retention.purge('a')
    const listing = { prefix: '', after: '', limit: 10 }
    expect((await log.topics.list(listing)).map(({ topic }) => topic)).toEqual(['b'])
    const newest = await publish(log, 'a', '')
    expect((await log.topics.list(listing))[0]).toEqual({
      topic: 'a',
      newest,
      ended: false,
      events: 1,
      bytes: expect.any(Number),
    })
  })

  check('shows what a reader lost, before and after the topic is published to again', async ({ log }) => {
    await publish(log, 'b', '')
    const last = await publish(log, 'a', '')
    await log.retention.purge('a')
    const selections = [['a'], ['*'], ['a/**'], ['**'], ['b', 'a']]
    async function expectLoss(): Promise<void> {
      for (const selectors of selections) {
        expect(await lostThrough(log, ...selectors)).toBeGreaterThanOrEqual(last)
      }
      expect(await lostThrough(log, 'b')).toBe(0)
    }
    await expectLoss()
    await trimAll(log, [], START_TIME)
    await expectLoss()
    const next = await publish(log, 'a', 'back')
    await expectLoss()
    expect(await lostThrough(log, 'a')).toBeLessThan(next)
    expect(dataOf(await readAll(log, ['**'], { after: last }))).toEqual(['back'])
  })

  check('purges what is published between two purges', async ({ log }) => {
    for (const data of ['1', '2', '3']) {
      await publish(log, 'a', data, { key: 'k' })
      expect(dataOf(await readAll(log, ['a', 'b']))).toEqual([data])
      expect(await log.retention.purge('a')).toBe(true)
    }
    await trimAll(log, [], START_TIME)
    expect(await readAll(log, ['**'])).toEqual([])
    const { oldest, newest } = await log.describe()
    expect(oldest).toBe(newest + 1)
  })

  check('leaves alone what is published while it runs', async ({ log }) => {
    for (let round = 0; round < 10; round += 1) {
      await publish(log, 'a', 'old')
      const [, fresh] = await Promise.all([log.retention.purge('a'), publish(log, 'a', 'new')])
      const left = await readAll(log, ['a'])
      // The purge comes before or after the publish. Either way, nothing older is left, and the offsets show which.
      expect(left.every(({ offset }) => offset === fresh)).toBe(true)
      await log.retention.purge('a')
    }
  })

  check.with(['reopen', 'topics'], 'stays purged when the log is opened again', async ({ log, reopen }) => {
    await publish(log, 'a', '', { end: true })
    await log.retention.purge('a')
    const again = await reopen()
    expect(await readAll(again, ['**'])).toEqual([])
    expect(await again.topics.ended(['a'])).toEqual([undefined])
  })
}
