import type { CompleteEventLog, NoteQuery } from '@tailrace/log'
import { expect } from 'vitest'

import { publish, trimAll } from './reading.ts'
import { START_TIME, type Check } from './subject.ts'

const LATER = START_TIME + 60_000

async function keys(log: CompleteEventLog, query: Partial<NoteQuery> = {}): Promise<string[]> {
  const found = await log.shared.notes({ prefix: '', after: '', limit: 100, ...query })
  return found.map(({ key }) => key)
}

export function testNotes(check: Check): void {
  check('tells exactly one of all callers that note a key that it was the first', async ({ log }) => {
    const first = await Promise.all(
      Array.from({ length: 20 }, (_, i) => log.shared.note({ key: `${i % 4}`, until: LATER })),
    )
    expect(first.filter(Boolean)).toHaveLength(4)
    expect(await log.shared.note({ key: '0', until: LATER })).toBe(false)
    expect(await log.shared.note({ key: 'another', until: LATER })).toBe(true)
  })

  check.with(
    'clock',
    'shows a note as soon as it is made, until its time is over',
    async ({ log, setClock }) => {
      await log.shared.note({ key: 'a', until: LATER })
      expect(await log.shared.notes({ prefix: 'a', after: '', limit: 1 })).toEqual([
        { key: 'a', until: LATER },
      ])
      setClock(LATER - 1)
      expect(await keys(log)).toEqual(['a'])
      setClock(LATER)
      expect(await keys(log)).toEqual([])
    },
  )

  check('keeps a key that is noted again until the later of the two times', async ({ log }) => {
    for (const until of [LATER, LATER + 2, LATER + 1]) await log.shared.note({ key: 'a', until })
    expect(await log.shared.notes({ prefix: '', after: '', limit: 9 })).toEqual([
      { key: 'a', until: LATER + 2 },
    ])
  })

  check.with(
    ['clock', 'retention'],
    'notes a key again once its time is over, removed or not',
    async ({ log, setClock }) => {
      await log.shared.note({ key: 'a', until: LATER })
      await log.shared.note({ key: 'b', until: LATER })
      setClock(LATER)
      expect(await log.shared.note({ key: 'a', until: LATER + 9 })).toBe(true)
      await trimAll(log, [], LATER)
      expect(await keys(log)).toEqual(['a'])
      expect(await log.shared.note({ key: 'b', until: LATER + 9 })).toBe(true)
    },
  )

  check('lists the notes that start with a text, page by page, in code point order', async ({ log }) => {
    for (const key of ['b/2', 'a/\u{1f600}', 'b/1', 'a/\uffee', 'c', 'b/3', 'b'])
      await log.shared.note({ key, until: LATER })
    expect(await keys(log, { prefix: 'b/' })).toEqual(['b/1', 'b/2', 'b/3'])
    expect(await keys(log, { prefix: 'b/', limit: 2 })).toEqual(['b/1', 'b/2'])
    expect(await keys(log, { prefix: 'b/', after: 'b/2' })).toEqual(['b/3'])
    expect(await keys(log, { prefix: 'a' })).toEqual(['a/\uffee', 'a/\u{1f600}'])
    expect(await keys(log, { prefix: '%' })).toEqual([])
  })

  check.with(
    ['clock', 'retention'],
    'eventually removes all notes whose time is over, and no others',
    async ({ log, setClock }) => {
      await Promise.all(
        Array.from({ length: 1_200 }, (_, i) => log.shared.note({ key: `old/${i}`, until: START_TIME + 1 })),
      )
      await log.shared.note({ key: 'new', until: LATER })
      await trimAll(log, [], START_TIME + 1)
      // If the clock is set back, what was removed is still gone.
      setClock(START_TIME)
      expect(await keys(log)).toEqual(['new'])
    },
  )

  check.with('reopen', 'keeps a note that was made', async ({ log, reopen }) => {
    await log.shared.note({ key: 'a', until: LATER })
    const again = await reopen()
    expect(await keys(again)).toEqual(['a'])
    expect(await again.shared.note({ key: 'a', until: LATER })).toBe(false)
  })

  check('does not confuse a note with an event that has the same key', async ({ log }) => {
    await publish(log, 'a', '', { idempotencyKey: 'once' })
    expect(await log.shared.note({ key: 'once', until: LATER })).toBe(true)
    const [event] = await log.append([{ topic: 'b', data: '', idempotencyKey: 'once' }])
    expect(event!.duplicate).toBe(false)
  })

  check.with('topics', 'a note leaves nothing to read', async ({ log }) => {
    await log.shared.note({ key: 'once', until: LATER })
    const { newest } = await log.describe()
    expect(newest).toBe(0)
    expect(await log.topics.list({ prefix: '', after: '', limit: 9 })).toEqual([])
  })

  check('has its own secret, which does not change', async ({ log }) => {
    const secret = await log.shared.secret()
    expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(await log.shared.secret()).toBe(secret)
  })
}
