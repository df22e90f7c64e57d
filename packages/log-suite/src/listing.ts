import type { CompleteEventLog, TopicQuery, TopicSummary } from '@tailrace/log'
import { expect } from 'vitest'

import { publish, trimAll } from './reading.ts'
import { START_TIME, type Check } from './subject.ts'

async function list(
  log: CompleteEventLog,
  query: Partial<TopicQuery> = {},
): Promise<readonly TopicSummary[]> {
  return log.topics.list({ prefix: '', after: '', limit: 100, ...query })
}

const names = (topics: readonly TopicSummary[]): string[] => topics.map(({ topic }) => topic)

// UTF-16 order, which JavaScript sorts by, puts the surrogates of 😀 before \uffee.
const CODE_POINT_ORDER = [
  'A',
  'a',
  'a-b',
  'a/b',
  'a/b/c',
  'a0',
  'a\u{10ffff}',
  'b',
  'é',
  '\uffee',
  '😀',
  '\u{10ffff}',
]

async function publishAll(log: CompleteEventLog): Promise<void> {
  await log.append(CODE_POINT_ORDER.toReversed().map((topic) => ({ topic, data: '' })))
}

export function testListing(check: Check): void {
  check('lists nothing in an empty log', async ({ log }) => {
    expect(await list(log)).toEqual([])
  })

  check('lists each topic once, in code point order', async ({ log }) => {
    await publishAll(log)
    await publishAll(log)
    expect(names(await list(log))).toEqual(CODE_POINT_ORDER)
  })

  check('reports the newest offset and the end of each topic', async ({ log }) => {
    await publish(log, 'a', '1')
    const b = await publish(log, 'b', '2')
    const a = await publish(log, 'a', '3', { end: true })
    expect(await list(log)).toEqual([
      { topic: 'a', newest: a, ended: true, events: 2, bytes: 2 },
      { topic: 'b', newest: b, ended: false, events: 1, bytes: 1 },
    ])
  })

  check(
    'counts what is retained of each topic: events, and bytes with the keys of its state',
    async ({ log }) => {
      async function totals(): Promise<Pick<TopicSummary, 'events' | 'bytes'>> {
        const [{ events, bytes }] = (await list(log)) as [TopicSummary]
        return { events, bytes }
      }
      await publish(log, 'a', 'é')
      expect(await totals()).toEqual({ events: 1, bytes: 2 })
      await publish(log, 'a', '123', { key: 'ké' })
      expect(await totals()).toEqual({ events: 2, bytes: 8 })
      // For an event that is no longer the newest of its key, only the data counts.
      await publish(log, 'a', '4567', { key: 'ké' })
      expect(await totals()).toEqual({ events: 3, bytes: 12 })
      await publish(log, 'a', '8', { key: 'ké', remove: true })
      expect(await totals()).toEqual({ events: 4, bytes: 10 })
      await publish(log, 'a', '9', { key: 'k' })
      await trimAll(log, [{ selector: '**', maxCount: 0 }], START_TIME)
      expect(await totals()).toEqual({ events: 1, bytes: 2 })
      await log.retention.purge('a')
      await publish(log, 'a', '0')
      expect(await totals()).toEqual({ events: 1, bytes: 1 })
    },
  )

  check('lists a number of topics after a name', async ({ log }) => {
    await publishAll(log)
    const listed: string[] = []
    for (let pages = 0; pages <= CODE_POINT_ORDER.length; pages += 1) {
      const page = names(await list(log, { after: listed.at(-1) ?? '', limit: 5 }))
      if (page.length === 0) break
      expect(page.length).toBeLessThanOrEqual(5)
      listed.push(...page)
    }
    expect(listed).toEqual(CODE_POINT_ORDER)
    expect(names(await list(log, { after: 'a1' }))[0]).toBe('a\u{10ffff}')
  })

  check('lists the topics that start with a text', async ({ log }) => {
    await publishAll(log)
    for (const prefix of ['a', 'a/', 'a/b', 'A', 'x', '😀', '\u{10ffff}', '%', '_', '*']) {
      const expected = CODE_POINT_ORDER.filter((topic) => topic.startsWith(prefix))
      expect(names(await list(log, { prefix }))).toEqual(expected)
    }
    expect(names(await list(log, { prefix: 'a', after: 'a-b', limit: 2 }))).toEqual(['a/b', 'a/b/c'])
    expect(await list(log, { prefix: 'a', after: 'b' })).toEqual([])
    expect(names(await list(log, { prefix: 'b', after: 'a' }))).toEqual(['b'])
  })

  check.with('retention', 'keeps a topic of which something is retained', async ({ log }) => {
    await publish(log, 'a', '1', { key: 'k' })
    const newest = await publish(log, 'a', '2')
    await trimAll(log, [{ selector: '**', maxCount: 0 }], START_TIME)
    expect(await list(log)).toEqual([{ topic: 'a', newest, ended: false, events: 1, bytes: 2 }])
  })

  check.with('retention', 'drops a topic of which nothing is retained', async ({ log }) => {
    await publish(log, 'a', '1')
    await publish(log, 'b', '2')
    await trimAll(log, [{ selector: 'a', maxCount: 0 }], START_TIME)
    expect(names(await list(log))).toEqual(['b'])
  })
}
