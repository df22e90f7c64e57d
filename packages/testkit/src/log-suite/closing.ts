import type { EventLog } from '@tailrace/log'
import { expect } from 'vitest'

import { recordTail } from './listener.ts'
import { dataOf, publish, query, readAll } from './reading.ts'
import { expectRejection } from './rejection.ts'
import { START_TIME, type Check } from './subject.ts'

const CALLS: Readonly<Record<Exclude<keyof EventLog, 'close'>, (log: EventLog) => Promise<unknown>>> = {
  append: (log) => log.append([{ topic: 'a', data: '' }]),
  read: (log) => log.read(query(['a'])),
  snapshot: (log) => log.snapshot(query(['a'])),
  ended: (log) => log.ended(['a']),
  topics: (log) => log.topics({ prefix: '', after: '', limit: 1 }),
  tail: (log) => log.tail({ events: () => {}, purged: () => {}, failed: () => {} }),
  trim: (log) => log.trim([], START_TIME),
  purge: (log) => log.purge('a'),
  note: (log) => log.note({ key: 'a', until: START_TIME + 1 }),
  notes: (log) => log.notes({ prefix: '', after: '', limit: 1 }),
  describe: (log) => log.describe(),
  ready: (log) => log.ready(),
}

export function testClosing(check: Check): void {
  for (const [method, call] of Object.entries(CALLS)) {
    check(`rejects ${method} after close`, async ({ log }) => {
      await publish(log, 'a', '')
      const closing = log.close()
      await expectRejection(call(log), 'closed')
      await closing
      await expectRejection(call(log), 'closed')
    })
  }

  check('closes twice', async ({ log }) => {
    await Promise.all([log.close(), log.close()])
    await expect(log.close()).resolves.toBeUndefined()
  })

  check.with('reopen', 'finishes what it has accepted', async ({ log, reopen }) => {
    const recorded = await recordTail(log)
    const accepted = Array.from({ length: 50 }, (_, i) => publish(log, 'a', `${i}`))
    await log.close()
    const offsets = await Promise.all(accepted)
    expect(recorded.events).toHaveLength(50)
    const events = await readAll(await reopen(), ['a'])
    expect(events.map(({ offset }) => offset)).toEqual(offsets.toSorted((a, b) => a - b))
    expect(dataOf(events)).toEqual(dataOf(recorded.events))
  })

  check('tells of a purge that it has accepted', async ({ log }) => {
    const recorded = await recordTail(log)
    const offset = await publish(log, 'a', '1')
    const purged = log.purge('a')
    await log.close()
    expect(await purged).toBe(true)
    expect(recorded.purges).toEqual([{ topic: 'a', through: offset }])
  })

  check('answers what was asked before close', async ({ log }) => {
    await publish(log, 'a', '1')
    const page = log.read(query(['a']))
    const appended = log.append([{ topic: 'a', data: '2' }])
    await log.close()
    expect((await page).events[0]).toMatchObject({ data: '1' })
    expect(await appended).toHaveLength(1)
  })
}
