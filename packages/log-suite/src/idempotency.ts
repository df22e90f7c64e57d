import { IDEMPOTENCY_WINDOW_MS } from '@tailrace/log'
import { expect } from 'vitest'

import { recordTail } from './listener.ts'
import { dataOf, publish, readAll, snapshotAll, trimAll } from './reading.ts'
import { START_TIME, type Check } from './subject.ts'

const once = { idempotencyKey: 'once' }

export function testIdempotency(check: Check): void {
  check('stores a repeat once, and returns the offset of the first', async ({ log }) => {
    const [first] = await log.append([{ topic: 'a', data: 'first', ...once }])
    expect(first!.duplicate).toBe(false)
    await publish(log, 'a', 'between')
    const repeat = await log.append([{ topic: 'a', data: 'changed', type: 't', key: 'k', ...once }])
    expect(repeat).toEqual([{ offset: first!.offset, duplicate: true }])
    expect(dataOf(await readAll(log, ['a']))).toEqual(['first', 'between'])
  })

  check('stores a repeat within one batch once', async ({ log }) => {
    const appended = await log.append([
      { topic: 'a', data: '1', ...once },
      { topic: 'a', data: '2' },
      { topic: 'a', data: '3', ...once },
    ])
    expect(appended.map(({ duplicate }) => duplicate)).toEqual([false, false, true])
    expect(appended[2]!.offset).toBe(appended[0]!.offset)
    expect(dataOf(await readAll(log, ['a']))).toEqual(['1', '2'])
  })

  check('stores the new events of a batch that repeats the others', async ({ log }) => {
    const [first] = await log.append([{ topic: 'a', data: '1', ...once }])
    const appended = await log.append([
      { topic: 'a', data: '2' },
      { topic: 'a', data: '1', ...once },
      { topic: 'a', data: '3' },
    ])
    expect(appended.map(({ duplicate }) => duplicate)).toEqual([false, true, false])
    expect(appended[1]!.offset).toBe(first!.offset)
    expect(dataOf(await readAll(log, ['a']))).toEqual(['1', '2', '3'])
  })

  check('stores concurrent repeats once, and returns the same offset for all', async ({ log }) => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        log.append([
          { topic: 'a', data: `${i % 4}`, idempotencyKey: `${i % 4}` },
          { topic: 'b', data: `${i}` },
        ]),
      ),
    )
    const firsts = answers.map(([first]) => first!)
    expect(firsts.filter(({ duplicate }) => !duplicate)).toHaveLength(4)
    expect(new Set(firsts.map(({ offset }) => offset)).size).toBe(4)
    const events = await readAll(log, ['a'])
    expect(dataOf(events).toSorted()).toEqual(['0', '1', '2', '3'])
    for (const [i, { offset }] of firsts.entries()) {
      expect(events.find((event) => event.offset === offset)?.data).toBe(`${i % 4}`)
    }
    expect(await readAll(log, ['b'])).toHaveLength(40)
  })

  check('does not report a repeat', async ({ log }) => {
    await publish(log, 'a', '1', once)
    const recorded = await recordTail(log)
    await publish(log, 'a', '1', once)
    await recorded.reach(await publish(log, 'a', '2'))
    expect(dataOf(recorded.events)).toEqual(['2'])
  })

  check('distinguishes the keys of different topics', async ({ log }) => {
    const batch = [
      { topic: 'a', idempotencyKey: 'b/k' },
      { topic: 'a/b', idempotencyKey: 'k' },
      { topic: 'a', idempotencyKey: 'k' },
      { topic: 'a', idempotencyKey: 'K' },
      { topic: 'a', idempotencyKey: '' },
    ].map((event) => ({ ...event, data: '' }))
    const appended = await log.append(batch)
    expect(appended.map(({ duplicate }) => duplicate)).toEqual(Array(5).fill(false))
    expect(await log.append(batch)).toEqual(appended.map(({ offset }) => ({ offset, duplicate: true })))
  })

  check('accepts any text as a key', async ({ log }) => {
    const keys = ['\u00e9', 'e\u0301', '😀', 'a b', "a'b", 'x'.repeat(1000)]
    const batch = keys.map((idempotencyKey) => ({ topic: 'a', data: '', idempotencyKey }))
    const appended = await log.append(batch)
    expect(appended.map(({ duplicate }) => duplicate)).toEqual(Array(keys.length).fill(false))
    expect(await log.append(batch)).toEqual(appended.map(({ offset }) => ({ offset, duplicate: true })))
  })

  check.with('snapshots', 'does not change a key because of a repeat', async ({ log }) => {
    await publish(log, 'a', 'first', once)
    await publish(log, 'a', 'changed', { key: 'k', ...once })
    expect(await snapshotAll(log, ['a'])).toEqual([])
  })

  check.with('retention', 'outlives the purge of its topic', async ({ log }) => {
    const offset = await publish(log, 'a', '1', once)
    await log.retention.purge('a')
    expect(await log.append([{ topic: 'a', data: '1', ...once }])).toEqual([{ offset, duplicate: true }])
    await trimAll(log, [], START_TIME)
    expect(await log.append([{ topic: 'a', data: '1', ...once }])).toEqual([{ offset, duplicate: true }])
    expect(await readAll(log, ['a'])).toEqual([])
  })

  check.with('retention', 'outlives the retention of its event', async ({ log }) => {
    const offset = await publish(log, 'a', '1', once)
    expect((await trimAll(log, [{ selector: '**', maxCount: 0 }], START_TIME)).removed).toBe(1)
    expect(await log.append([{ topic: 'a', data: '1', ...once }])).toEqual([{ offset, duplicate: true }])
  })

  check.with('reopen', 'outlives the process', async ({ log, reopen }) => {
    const offset = await publish(log, 'a', '1', once)
    const again = await reopen()
    expect(await again.append([{ topic: 'a', data: '1', ...once }])).toEqual([{ offset, duplicate: true }])
  })

  check.with(
    ['clock', 'retention'],
    'ends with its window, and starts another',
    async ({ log, setClock }) => {
      const event = { topic: 'a', data: '', ...once }
      const offset = await publish(log, 'a', '', once)
      setClock(START_TIME + IDEMPOTENCY_WINDOW_MS - 1)
      await trimAll(log, [], START_TIME + IDEMPOTENCY_WINDOW_MS - 1)
      expect(await log.append([event])).toEqual([{ offset, duplicate: true }])
      setClock(START_TIME + IDEMPOTENCY_WINDOW_MS)
      const [second] = await log.append([event])
      expect(second!.duplicate).toBe(false)
      expect(second!.offset).toBeGreaterThan(offset)
      setClock(START_TIME + 2 * IDEMPOTENCY_WINDOW_MS - 1)
      expect(await log.append([event])).toEqual([{ offset: second!.offset, duplicate: true }])
    },
  )
}
