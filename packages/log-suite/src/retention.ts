import type { CompleteEventLog } from '@tailrace/log'
import { expect } from 'vitest'

import { dataOf, lostThrough, offsetsOf, publish, query, readAll, snapshotAll, trimAll } from './reading.ts'
import { START_TIME, type Check } from './subject.ts'

/** Publishes events numbered from 1, and returns their offsets. */
async function publishMany(
  log: CompleteEventLog,
  topic: string,
  count: number,
  key?: string,
): Promise<number[]> {
  const appended = await log.append(
    Array.from({ length: count }, (_, i) => ({ topic, data: `${i + 1}`, key })),
  )
  return appended.map(({ offset }) => offset)
}

export function testRetention(check: Check): void {
  check('keeps everything without a rule', async ({ log }) => {
    await publishMany(log, 'a', 5)
    expect(await trimAll(log, [], START_TIME * 2)).toMatchObject({ removed: 0 })
    expect(await trimAll(log, [{ selector: 'b', maxCount: 0 }], START_TIME * 2)).toMatchObject({ removed: 0 })
    expect(await readAll(log, ['a'])).toHaveLength(5)
    expect(await lostThrough(log, 'a')).toBe(0)
  })

  check('keeps the newest events, by count', async ({ log }) => {
    await publishMany(log, 'a', 10)
    expect(await trimAll(log, [{ selector: 'a', maxCount: 3 }], START_TIME)).toMatchObject({ removed: 7 })
    expect(dataOf(await readAll(log, ['a']))).toEqual(['8', '9', '10'])
    expect(await trimAll(log, [{ selector: 'a', maxCount: 3 }], START_TIME)).toMatchObject({ removed: 0 })
  })

  check('keeps the newest events, by bytes of data', async ({ log }) => {
    await log.append(['1', '2', '3', '4'].map((n) => ({ topic: 'a', data: `${n}${'é'.repeat(10)}` })))
    await trimAll(log, [{ selector: 'a', maxBytes: 42 }], START_TIME)
    expect(dataOf(await readAll(log, ['a'])).map((data) => data[0])).toEqual(['3', '4'])
    await trimAll(log, [{ selector: 'a', maxBytes: 41 }], START_TIME)
    expect(dataOf(await readAll(log, ['a'])).map((data) => data[0])).toEqual(['4'])
  })

  check.with('clock', 'keeps what is no older than the bound, by age', async ({ log, setClock }) => {
    for (const [i, data] of ['1', '2', '3'].entries()) {
      setClock(START_TIME + i * 1000)
      await publish(log, 'a', data)
    }
    await trimAll(log, [{ selector: 'a', maxAgeMs: 500 }], START_TIME + 1500)
    expect(dataOf(await readAll(log, ['a']))).toEqual(['2', '3'])
    await trimAll(log, [{ selector: 'a', maxAgeMs: 500 }], START_TIME + 1501)
    expect(dataOf(await readAll(log, ['a']))).toEqual(['3'])
  })

  check('removes what is older than its bound, by the clock of the log', async ({ log }) => {
    await publishMany(log, 'a', 3)
    const { time } = (await readAll(log, ['a'])).at(-1)!
    await trimAll(log, [{ selector: 'a', maxAgeMs: 60_000 }], time)
    expect(await readAll(log, ['a'])).toHaveLength(3)
    await trimAll(log, [{ selector: 'a', maxAgeMs: 60_000 }], time + 60_001)
    expect(await readAll(log, ['a'])).toEqual([])
  })

  check('applies the first rule that matches each topic', async ({ log }) => {
    for (const topic of ['kept', 'two/a', 'two/b', 'rest']) await publishMany(log, topic, 4)
    const rules = [
      { selector: 'kept' },
      { selector: 'two/*', maxCount: 2 },
      { selector: 'two/b', maxCount: 0 },
      { selector: '**', maxCount: 1 },
    ]
    await trimAll(log, rules, START_TIME)
    const counts = await Promise.all(
      ['kept', 'two/a', 'two/b', 'rest'].map(async (topic) => (await readAll(log, [topic])).length),
    )
    expect(counts).toEqual([4, 2, 2, 1])
  })

  check('applies bounds to each topic separately', async ({ log }) => {
    const topics = Array.from({ length: 450 }, (_, i) => `t/${i}`)
    for (const data of ['1', '2', '3']) await log.append(topics.map((topic) => ({ topic, data })))
    expect(await trimAll(log, [{ selector: 't/*', maxCount: 1 }], START_TIME)).toMatchObject({ removed: 900 })
    const events = await readAll(log, ['**'])
    expect(events.map(({ topic }) => topic)).toEqual(topics)
    expect(new Set(dataOf(events))).toEqual(new Set(['3']))
  })

  check.with(
    'snapshots',
    'does not remove the newest event of a key because of count or bytes',
    async ({ log }) => {
      const [one, two, three] = ['1', '2', '3'].map((digit) => digit.repeat(200))
      for (const bound of [{ maxCount: 1 }, { maxBytes: 200 }]) {
        const topic = Object.keys(bound)[0]!
        await log.append([
          { topic, key: 'x', data: 'x1' },
          { topic, key: 'x', data: 'x2' },
          { topic, data: one! },
          { topic, key: 'y', data: 'y1' },
          { topic, data: two! },
          { topic, data: three! },
        ])
        await trimAll(log, [{ selector: topic, ...bound }], START_TIME)
        expect(dataOf(await readAll(log, [topic]))).toEqual(['x2', 'y1', three])
        expect(dataOf(await snapshotAll(log, [topic]))).toEqual(['x2', 'y1'])
      }
    },
  )

  check.with(
    'snapshots',
    'holds the newest events of all keys to the bytes of the bound, apart from history',
    async ({ log }) => {
      const rules = [{ selector: 'a', maxBytes: 20_000 }]
      const data = 'x'.repeat(1000)
      for (let i = 0; i < 10; i += 1) await publish(log, 'a', `${i}${data}`)
      await log.append(
        Array.from({ length: 500 }, (_, i) => ({ topic: 'a', key: `${i}`, data: `${i} ${data}` })),
      )
      await trimAll(log, rules, START_TIME)
      const state = await snapshotAll(log, ['a'])
      expect(state.length).toBeGreaterThan(15)
      expect(state.length).toBeLessThan(20)
      expect(state.map(({ key }) => key)).toEqual(
        Array.from({ length: state.length }, (_, i) => `${500 - state.length + i}`),
      )
      expect(await readAll(log, ['a'])).toHaveLength(10 + state.length)
      // What is removed is counted as removed: the next round finds nothing to do, and a key that changes is
      // history.
      expect(await trimAll(log, rules, START_TIME)).toMatchObject({ removed: 0 })
      await publish(log, 'a', 'small', { key: '499' })
      expect(await trimAll(log, rules, START_TIME)).toMatchObject({ removed: 0 })
      expect(await snapshotAll(log, ['a'])).toHaveLength(state.length)
    },
  )

  check.with('snapshots', 'keeps a key when everything after it is removed', async ({ log }) => {
    await publish(log, 'a', 'state', { key: 'k' })
    await publish(log, 'a', 'last')
    await trimAll(log, [{ selector: 'a', maxCount: 0 }], START_TIME)
    expect(dataOf(await readAll(log, ['a']))).toEqual(['state'])
    expect(dataOf(await snapshotAll(log, ['a']))).toEqual(['state'])
    await publish(log, 'a', 'state 2', { key: 'k' })
    await trimAll(log, [{ selector: 'a', maxCount: 0 }], START_TIME)
    expect(dataOf(await readAll(log, ['a']))).toEqual(['state 2'])
    expect(dataOf(await snapshotAll(log, ['a']))).toEqual(['state 2'])
  })

  check.with('snapshots', 'finds removable events behind any number of keys', async ({ log }) => {
    const keys = Array.from({ length: 1200 }, (_, i) => `${i}`)
    for (const topic of ['a', 'b']) {
      await log.append(keys.map((key) => ({ topic, key, data: 'state' })))
      await publishMany(log, topic, 3)
    }
    expect(await trimAll(log, [{ selector: '**', maxCount: 1 }], START_TIME)).toMatchObject({ removed: 4 })
    expect(await snapshotAll(log, ['a', 'b'])).toHaveLength(2400)
    expect(await readAll(log, ['**'])).toHaveLength(2402)
  })

  check.with('topics', 'keeps a topic ended as long as anything of it is retained', async ({ log }) => {
    await publish(log, 'a', 'state', { key: 'k' })
    const offset = await publish(log, 'a', 'last', { end: true })
    await trimAll(log, [{ selector: 'a', maxCount: 0 }], START_TIME)
    expect(dataOf(await readAll(log, ['a']))).toEqual(['state'])
    expect(await log.topics.ended(['a'])).toEqual([offset])
  })

  check('counts an event of a key as history once it is superseded', async ({ log }) => {
    await publishMany(log, 'a', 6, 'k')
    await trimAll(log, [{ selector: 'a', maxCount: 2 }], START_TIME)
    expect(dataOf(await readAll(log, ['a']))).toEqual(['4', '5', '6'])
    await publish(log, 'a', '7', { key: 'k' })
    await trimAll(log, [{ selector: 'a', maxCount: 2 }], START_TIME)
    expect(dataOf(await readAll(log, ['a']))).toEqual(['5', '6', '7'])
  })

  check.with('snapshots', 'removes keys because of age', async ({ log }) => {
    await publishMany(log, 'a', 3, 'k')
    const { time } = (await readAll(log, ['a'])).at(-1)!
    await trimAll(log, [{ selector: 'a', maxAgeMs: 1000, maxCount: 5 }], time + 1001)
    expect(await readAll(log, ['a'])).toEqual([])
    expect(await snapshotAll(log, ['a'])).toEqual([])
    await publish(log, 'a', 'new', { key: 'k' })
    expect(dataOf(await snapshotAll(log, ['a']))).toEqual(['new'])
  })

  check('shows what a reader lost', async ({ log }) => {
    await publishMany(log, 'b', 2)
    const offsets = await publishMany(log, 'a', 10)
    await trimAll(log, [{ selector: 'a', maxCount: 4 }], START_TIME)
    for (const selectors of [['a'], ['*'], ['a/**'], ['**'], ['b', 'a'], ['none', 'a']]) {
      const lost = await lostThrough(log, ...selectors)
      expect(lost).toBeGreaterThanOrEqual(offsets[5]!)
      expect(lost).toBeLessThan(offsets[6]!)
    }
    expect(await lostThrough(log, 'b')).toBe(0)
    expect(await lostThrough(log, 'b/**')).toBe(0)
  })

  check('shows that more was lost, also below what was lost before', async ({ log }) => {
    await publishMany(log, 'b', 5)
    await publishMany(log, 'a', 5)
    await publishMany(log, 'other', 5)
    const selections = [['a', 'b'], ['*'], ['**']]
    const losses = (): Promise<number[]> =>
      Promise.all(selections.map(async (selectors) => (await log.read(query(selectors))).losses))
    const growsWith = async (remove: () => Promise<unknown>): Promise<void> => {
      const before = await losses()
      expect(await losses()).toEqual(before)
      await remove()
      for (const [i, now] of (await losses()).entries()) expect(now).toBeGreaterThan(before[i]!)
    }
    await growsWith(() => trimAll(log, [{ selector: 'a', maxCount: 3 }], START_TIME))
    await growsWith(() => trimAll(log, [{ selector: 'b', maxCount: 3 }], START_TIME))
    await growsWith(() => log.retention.purge('b'))
    await growsWith(() => trimAll(log, [{ selector: 'a', maxCount: 0 }], START_TIME))
    expect((await log.read(query(['other']))).losses).toBe(0)
  })

  check(
    'removes a topic from its oldest event on, however steps and publishes take turns',
    async ({ log }) => {
      await publishMany(log, 'a', 460)
      await publishMany(log, 'b', 60)
      const rules = [{ selector: '**', maxCount: 10 }]
      for (let done = false; !done;) {
        ;({ done } = await log.retention.trim(rules, START_TIME))
        if (!done) await publish(log, 'b', 'new')
        const [first, ...rest] = offsetsOf(await readAll(log, ['b']))
        expect(rest.map((offset, i) => offset - (rest[i - 1] ?? first!)).every((step) => step > 0)).toBe(true)
        expect(await lostThrough(log, 'b')).toBeLessThan(first!)
      }
    },
  )

  check.with(
    'clock',
    'removes by age what lies behind an event of a clock that was ahead',
    async ({ log, setClock }) => {
      const [day, year] = [86_400_000, 365 * 86_400_000]
      setClock(START_TIME + 10 * year)
      await publish(log, 'a', 'from the future')
      setClock(START_TIME)
      await publish(log, 'a', 'old')
      await trimAll(log, [{ selector: '**', maxAgeMs: day }], START_TIME + 2 * day)
      expect(dataOf(await readAll(log, ['a']))).toEqual(['from the future'])
      await trimAll(log, [{ selector: '**', maxAgeMs: day }], START_TIME + 10 * year + 2 * day)
      expect(await readAll(log, ['a'])).toEqual([])
    },
  )

  check('shows the loss of a topic that is gone altogether, and of one that came back', async ({ log }) => {
    await publishMany(log, 'b', 1)
    const last = (await publishMany(log, 'a', 5)).at(-1)!
    await trimAll(log, [{ selector: 'a', maxCount: 0 }], START_TIME)
    const selections = [['a'], ['*'], ['a/**'], ['**'], ['b', 'a']]
    for (const selectors of selections) {
      expect(await lostThrough(log, ...selectors)).toBeGreaterThanOrEqual(last)
    }
    expect(await lostThrough(log, 'b')).toBe(0)
    const next = await publish(log, 'a', 'back')
    for (const selectors of selections) {
      const lost = await lostThrough(log, ...selectors)
      expect(lost).toBeGreaterThanOrEqual(last)
      expect(lost).toBeLessThan(next)
    }
  })

  check('shows the loss of topics that are gone to no reader of others', async ({ log }) => {
    await publish(log, 'audit/1', 'kept')
    await publishMany(log, 'tmp/1', 3)
    await publish(log, 'tmp/2', 'purged')
    await log.retention.purge('tmp/2')
    await trimAll(log, [{ selector: 'tmp/*', maxCount: 0 }], START_TIME)
    for (const selectors of [['audit/**'], ['audit/*', 'audit/1'], ['*/1/**', 'audit/1']]) {
      const { lostThrough: through, losses } = await log.read(query(selectors))
      const isTold = selectors.includes('*/1/**')
      expect([selectors, through > 0, losses > 0]).toEqual([selectors, isTold, isTold])
    }
    const back = await publish(log, 'audit/2', 'new')
    expect(await log.read(query(['audit/**']))).toMatchObject({ lostThrough: 0, next: back })
  })

  check.with('topics', 'a topic that ended and is gone can begin again', async ({ log }) => {
    await publish(log, 'a', 'last', { end: true })
    await trimAll(log, [{ selector: 'a', maxCount: 0 }], START_TIME)
    expect(await log.topics.ended(['a'])).toEqual([undefined])
    expect(await log.topics.list({ prefix: '', after: '', limit: 10 })).toEqual([])
    expect(await log.retention.purge('a')).toBe(false)
    await publish(log, 'a', 'first')
    expect(dataOf(await readAll(log, ['a']))).toEqual(['first'])
  })

  check.with('reopen', 'shows what was lost before the log was opened again', async ({ log, reopen }) => {
    const gone = (await publishMany(log, 'gone', 3)).at(-1)!
    const offsets = await publishMany(log, 'a', 4)
    await trimAll(
      log,
      [
        { selector: 'a', maxCount: 1 },
        { selector: '**', maxCount: 0 },
      ],
      START_TIME,
    )
    const again = await reopen()
    expect(await lostThrough(again, 'a')).toBe(offsets[2])
    expect(await lostThrough(again, 'gone')).toBeGreaterThanOrEqual(gone)
  })

  check('leaves a reader at the end of the log nothing to miss', async ({ log }) => {
    await publishMany(log, 'a', 5)
    await trimAll(log, [{ selector: 'a', maxCount: 0 }], START_TIME)
    const page = await log.read({ selectors: ['a'], after: 0, limit: 1, maxBytes: 1 })
    expect(page.lostThrough).toBeLessThanOrEqual(page.next)
  })

  check('moves the oldest offset up, to one past the newest when nothing is left', async ({ log }) => {
    const offsets = await publishMany(log, 'a', 5)
    await trimAll(log, [{ selector: 'a', maxCount: 2 }], START_TIME)
    expect(await log.describe()).toMatchObject({ oldest: offsets[3], newest: offsets[4] })
    await trimAll(log, [{ selector: 'a', maxCount: 0 }], START_TIME)
    expect(await log.describe()).toMatchObject({ oldest: offsets[4]! + 1, newest: offsets[4] })
  })

  check('lets publishers and readers in between its steps', async ({ log }) => {
    for (let i = 0; i < 4; i += 1) await publishMany(log, `t/${i % 2}`, 700)
    const rules = [{ selector: 't/*', maxCount: 5 }]
    let removed = 0
    for (let steps = 1, done = false; !done; steps += 1) {
      const step = await log.retention.trim(rules, START_TIME)
      removed += step.removed
      done = step.done
      await publish(log, 'other', `${steps}`)
      const other = await readAll(log, ['other'])
      expect(other.at(-1)!.data).toBe(`${steps}`)
    }
    expect(removed).toBe(2800 - 10)
    expect(dataOf(await readAll(log, ['t/*']))).toEqual(
      ['0', '1'].flatMap(() => ['696', '697', '698', '699', '700']),
    )
  })
}
