import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import {
  IDEMPOTENCY_WINDOW_MS,
  openSqliteLog,
  type CompleteEventLog,
  type RetentionRule,
} from '@tailrace/log'
import { tempDir } from '@tailrace/testkit'
import { expect, test } from 'vitest'

const EVERYTHING: readonly RetentionRule[] = [{ selector: '**', maxCount: 0 }]

/** How many events each step removed, until retention was done. */
async function stepsOf(log: CompleteEventLog, rules: readonly RetentionRule[], now = 0): Promise<number[]> {
  const steps: number[] = []
  for (let done = false; !done;) {
    const step = await log.retention.trim(rules, now)
    steps.push(step.removed)
    done = step.done
  }
  return steps
}

async function fill(log: CompleteEventLog, topics: number, count: number): Promise<void> {
  const batch = Array.from({ length: topics }, (_, i) => ({ topic: `t/${i}`, data: 'x'.repeat(200) }))
  for (let i = 0; i < count; i += topics) await log.append(batch)
}

/** What is in the file itself, whatever the log shows of it. */
function rowsIn(path: string): Record<string, unknown> {
  const db = new DatabaseSync(path, { readOnly: true })
  try {
    const rows = db.prepare(
      'SELECT (SELECT count(*) FROM events) events, (SELECT count(*) FROM topics) topics, (SELECT count(*) FROM answers) answers',
    )
    return { ...rows.get() }
  } finally {
    db.close()
  }
}

test.each([
  [1, 3000],
  [3, 3000],
  [1000, 3000],
])('a step removes at most a thousand events: of %i topics', async (topics, count) => {
  using dir = tempDir()
  const log = await openSqliteLog({ path: join(dir.path, 'log.db') })
  await fill(log, topics, count)
  const steps = await stepsOf(log, EVERYTHING)
  expect(Math.max(...steps)).toBeLessThan(1000)
  expect(steps.reduce((sum, removed) => sum + removed, 0)).toBe(count)
  await log.close()
})

test('a purge is one short step; its events go with the next ones', async () => {
  using dir = tempDir()
  const path = join(dir.path, 'log.db')
  const log = await openSqliteLog({ path })
  await fill(log, 1, 2000)
  await log.retention.purge('t/0')
  expect(rowsIn(path)).toMatchObject({ events: 2000 })
  expect(Math.max(...(await stepsOf(log, [])))).toBeLessThan(1000)
  // What the topic lost is still known.
  expect(rowsIn(path)).toEqual({ events: 0, topics: 1, answers: 0 })
  await log.close()
})

test('a topic leaves nothing behind except what it lost, and the answers to its publishers', async () => {
  using dir = tempDir()
  const path = join(dir.path, 'log.db')
  const log = await openSqliteLog({ path, now: () => 1000 })
  await log.append(
    Array.from({ length: 700 }, (_, i) => ({ topic: `t/${i}`, data: '', idempotencyKey: 'once' })),
  )
  await stepsOf(log, EVERYTHING, 1000 + IDEMPOTENCY_WINDOW_MS - 1)
  expect(rowsIn(path)).toEqual({ events: 0, topics: 700, answers: 700 })
  await stepsOf(log, EVERYTHING, 1000 + IDEMPOTENCY_WINDOW_MS)
  expect(rowsIn(path)).toEqual({ events: 0, topics: 700, answers: 0 })
  await log.close()
})

test('the losses of ten thousand topics without events are kept, and one bound for those of all others', async () => {
  using dir = tempDir()
  const path = join(dir.path, 'log.db')
  const log = await openSqliteLog({ path })
  const lostOf = async (selector: string): Promise<number> =>
    (await log.read({ selectors: [selector], after: 0, limit: 1, maxBytes: 1 })).lostThrough
  await log.append([{ topic: 'quiet/1', data: '' }])
  await fill(log, 10_005, 10_005)
  const rules = [{ selector: 't/*', maxCount: 0 }]
  await stepsOf(log, rules)
  expect(await lostOf('quiet/*')).toBe(0)
  await stepsOf(log, rules)
  expect(rowsIn(path)).toMatchObject({ events: 1, topics: 10_001 })
  // The first five that went: nobody knows any more that they were not quiet.
  expect(await lostOf('quiet/*')).toBe(6)
  expect(await lostOf('t/*')).toBe(10_006)
  await log.close()
})

test('a topic has as many answers as its size bound has room for, the newest', async () => {
  using dir = tempDir()
  const path = join(dir.path, 'log.db')
  const log = await openSqliteLog({ path, now: () => 1000 })
  const rules = [{ selector: 'a', maxBytes: 10_000 }]
  await stepsOf(log, rules)
  const publish = (topic: string, n: number): ReturnType<CompleteEventLog['append']> =>
    log.append([{ topic, data: '', idempotencyKey: `${n}` }])
  for (let n = 0; n < 1000; n += 1) await Promise.all([publish('a', n), publish('b', n)])
  await stepsOf(log, rules, 1000)
  expect(rowsIn(path)['answers']).toBeLessThan(1000 + 10_000 / 64)
  expect(rowsIn(path)['answers']).toBeGreaterThan(1000 + 10_000 / 100)
  expect(await publish('a', 999)).toMatchObject([{ duplicate: true }])
  expect(await publish('a', 0)).toMatchObject([{ duplicate: false }])
  expect(await publish('b', 0)).toMatchObject([{ duplicate: true }])
  await stepsOf(log, rules, 1000 + IDEMPOTENCY_WINDOW_MS)
  expect(rowsIn(path)['answers']).toBe(0)
  await log.close()
})

test('the file shrinks by what was removed, round by round', async () => {
  using dir = tempDir()
  const path = join(dir.path, 'log.db')
  const log = await openSqliteLog({ path })
  await fill(log, 10, 20_000)
  for (let round = 0; round < 10; round += 1) await stepsOf(log, EVERYTHING)
  await log.close()
  const db = new DatabaseSync(path)
  expect(Number(db.prepare('PRAGMA page_count').get()!['page_count'])).toBeLessThan(50)
  db.close()
})

test('retention takes up a round where it was, whatever is published meanwhile', async () => {
  using dir = tempDir()
  const log = await openSqliteLog({ path: join(dir.path, 'log.db') })
  await fill(log, 500, 5000)
  const rules = [{ selector: '**', maxCount: 2 }]
  for (let done = false; !done;) {
    done = (await log.retention.trim(rules, 0)).done
    await log.append([{ topic: 'new', data: '' }])
  }
  await stepsOf(log, rules)
  const { events } = await log.read({ selectors: ['t/*'], after: 0, limit: 10_000, maxBytes: 2 ** 30 })
  expect(events).toHaveLength(1000)
  expect(events[0]!.offset).toBeGreaterThan(3999)
  await log.close()
})
