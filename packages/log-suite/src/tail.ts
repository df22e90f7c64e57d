import { expect } from 'vitest'

import { NO_LISTENER, recordTail } from './listener.ts'
import { dataOf, offsetsOf, publish, readAll, trimAll } from './reading.ts'
import { START_TIME, type Check } from './subject.ts'

export function testTail(check: Check): void {
  check('begins at the newest offset, and reports everything after it', async ({ log }) => {
    expect((await recordTail(log)).tail.after).toBe((await log.describe()).newest)
    const newest = await publish(log, 'a', 'before')
    const recorded = await recordTail(log)
    expect(recorded.tail.after).toBe(newest)
    await recorded.reach(await publish(log, 'a', 'after'))
    expect(dataOf(recorded.events)).toEqual(['after'])
  })

  check('reports every event once, in order, however many are appended at once', async ({ log }) => {
    const recorded = await recordTail(log)
    const offsets = await Promise.all(Array.from({ length: 30 }, (_, i) => publish(log, 'a', `${i}`)))
    await recorded.reach(Math.max(...offsets))
    expect(offsetsOf(recorded.events)).toEqual(offsets.toSorted((one, other) => one - other))
  })

  check('reports the same as a read', async ({ log }) => {
    const recorded = await recordTail(log)
    const appended = await log.append([
      { topic: 'a', data: '1', key: 'k', type: 't', idempotencyKey: 'i' },
      { topic: 'b', data: '2\n3' },
      { topic: 'b', data: '', key: '' },
    ])
    await recorded.reach(appended.at(-1)!.offset)
    expect(recorded.events).toEqual(await readAll(log, ['**']))
  })

  check('is complete and in order while many publish, and others read', async ({ log }) => {
    const recorded = await recordTail(log)
    const late: Awaited<ReturnType<typeof recordTail>>[] = []
    await Promise.all(
      Array.from({ length: 10 }, async (_, publisher) => {
        for (let i = 0; i < 20; i += 1) {
          await log.append(
            Array.from({ length: 1 + (i % 3) }, (_unused, j) => ({
              topic: `t/${publisher}`,
              data: `${publisher}.${i}.${j}`,
            })),
          )
          if (i === 10) late.push(await recordTail(log))
          if (i % 5 === 0) await readAll(log, ['t/*'], { limit: 50 })
        }
      }),
    )
    const events = await readAll(log, ['**'])
    expect(events).toHaveLength(10 * (7 * 1 + 7 * 2 + 6 * 3))
    const newest = events.at(-1)!.offset
    await recorded.reach(newest)
    expect(recorded.events).toEqual(events)
    expect(late).toHaveLength(10)
    for (const { tail, events: told, reach } of late) {
      await reach(newest)
      expect(told).toEqual(events.filter(({ offset }) => offset > tail.after))
    }
  })

  check('never reports an empty run', async ({ log }) => {
    const recorded = await recordTail(log)
    const event = { topic: 'a', data: '', idempotencyKey: 'once' }
    await log.append([event])
    await log.append([event])
    await recorded.reach(await publish(log, 'a', ''))
    expect(recorded.runs.every(({ length }) => length > 0)).toBe(true)
    expect(recorded.events).toHaveLength(2)
  })

  check(
    'fences with a read: events read up to its start and reported after it are complete',
    async ({ log }) => {
      const publishing = Promise.all(Array.from({ length: 60 }, (_, i) => publish(log, 'a', `${i}`)))
      const recorded = await recordTail(log)
      await publishing
      const events = await readAll(log, ['a'])
      await recorded.reach(events.at(-1)!.offset)
      const replayed = events.filter(({ offset }) => offset <= recorded.tail.after)
      expect([...replayed, ...recorded.events]).toEqual(events)
      expect(events).toHaveLength(60)
    },
  )

  check('reports nothing once it is stopped, while others continue', async ({ log }) => {
    const stopped = await recordTail(log)
    const running = await recordTail(log)
    const offset = await publish(log, 'a', '1')
    await stopped.reach(offset)
    stopped.tail.stop()
    stopped.tail.stop()
    await running.reach(await publish(log, 'a', '2'))
    expect(dataOf(running.events)).toEqual(['1', '2'])
    expect(dataOf(stopped.events)).toEqual(['1'])
  })

  check('lets a listener stop itself while it is called', async ({ log }) => {
    const told: string[] = []
    const tail = await log.tail({
      ...NO_LISTENER,
      events(events) {
        told.push(...dataOf(events))
        tail.stop()
      },
    })
    const other = await recordTail(log)
    await other.reach(await publish(log, 'a', '1'))
    await other.reach(await publish(log, 'a', '2'))
    expect(told).toEqual(['1'])
    expect(dataOf(other.events)).toEqual(['1', '2'])
  })

  check.with(
    'retention',
    'reports a purge between the events before it and those after it',
    async ({ log }) => {
      const recorded = await recordTail(log)
      const order: string[] = []
      await log.tail({
        ...NO_LISTENER,
        events: (events) => order.push(...dataOf(events)),
        purged: (topic) => order.push(`purged ${topic}`),
      })
      const through = await publish(log, 'a', '1')
      await publish(log, 'b', '2')
      await log.retention.purge('a')
      await recorded.reach(await publish(log, 'a', '3'))
      expect(recorded.purges).toHaveLength(1)
      expect(recorded.purges[0]!.topic).toBe('a')
      expect(recorded.purges[0]!.through).toBeGreaterThanOrEqual(through)
      expect(recorded.purges[0]!.through).toBeLessThan(recorded.events.at(-1)!.offset)
      await expect.poll(() => order).toEqual(['1', '2', 'purged a', '3'])
    },
  )

  check.with('retention', 'does not report retention', async ({ log }) => {
    const recorded = await recordTail(log)
    await publish(log, 'a', '1')
    await trimAll(log, [{ selector: '**', maxCount: 0 }], START_TIME)
    await recorded.reach(await publish(log, 'a', '2'))
    expect(dataOf(recorded.events)).toEqual(['1', '2'])
    expect(recorded.purges).toEqual([])
    expect(recorded.losses).toEqual([])
    expect(recorded.failures).toEqual([])
  })
}
