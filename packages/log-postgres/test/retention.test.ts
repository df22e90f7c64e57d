import type { CompleteEventLog, RetentionRule } from '@tailrace/log'
import { openPostgresLog } from '@tailrace/log-postgres'
import { needs } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'

import { connect, useServer } from './server.ts'

const postgres = needs('postgres')

async function trimAll(log: CompleteEventLog, rules: readonly RetentionRule[]): Promise<number> {
  let total = 0
  for (let isDone = false; !isDone;) {
    const { removed, done } = await log.retention.trim(rules, Date.now())
    total += removed
    isDone = done
  }
  return total
}

describe.skipIf(!postgres)('retention in PostgreSQL', () => {
  const engine = useServer()

  test('holds the idempotency keys of a topic to the bytes of its rule, oldest first', async () => {
    const url = engine.nextUrl()
    const log = await openPostgresLog({ url })
    await using app = await connect(url)
    for (const topic of ['bounded', 'other']) {
      for (let i = 0; i < 3; i += 1) {
        const batch = Array.from({ length: 300 }, (_, j) => ({
          topic,
          data: '',
          idempotencyKey: `${i} ${j}`,
        }))
        await log.append(batch)
      }
    }
    await trimAll(log, [{ selector: 'bounded', maxBytes: 20_000 }])
    const [row] = await app.run(
      `SELECT bytes::integer, (SELECT sum(octet_length(key) + 64)::integer FROM tailrace.answers WHERE topic = 'bounded') AS counted
       FROM tailrace.answered WHERE topic = 'bounded'`,
    )
    expect(row!['bytes']).toBe(row!['counted'])
    expect(row!['bytes']).toBeLessThanOrEqual(20_000)
    expect(row!['bytes']).toBeGreaterThan(19_900)
    async function isRepeat(topic: string, idempotencyKey: string): Promise<boolean> {
      const [appended] = await log.append([{ topic, data: '', idempotencyKey }])
      return appended!.duplicate
    }
    expect(await isRepeat('bounded', '2 299')).toBe(true)
    expect(await isRepeat('bounded', '0 0')).toBe(false)
    expect(await isRepeat('other', '0 0')).toBe(true)
    await log.close()
  })

  test('forgets topics that are gone beyond a number, and then shows a loss rather than none', async () => {
    const url = engine.nextUrl()
    const log = await openPostgresLog({ url })
    await using app = await connect(url)
    await log.append([{ topic: 'kept', data: '' }])
    for (const range of ['1, 6000', '6001, 12000']) {
      await app.run(
        `SELECT count(*) FROM (SELECT tailrace.publish('gone/' || n, '') FROM generate_series(${range}) n) p`,
      )
    }
    const rules = [{ selector: 'gone/*', maxCount: 0 }]
    expect(await trimAll(log, rules)).toBe(12_000)
    // The next round knows how many are too many.
    await trimAll(log, rules)
    await trimAll(log, rules)
    const [row] = await app.run('SELECT count(*)::integer AS n FROM tailrace.topics')
    expect(row!['n']).toBe(10_001)
    const [first] = (await log.read({ selectors: ['kept'], after: 0, limit: 1, maxBytes: 1 })).events
    const page = await log.read({ selectors: ['gone/1'], after: 0, limit: 1, maxBytes: 1 })
    expect(page.lostThrough).toBeGreaterThan(first!.offset)
    expect(page.losses).toBeGreaterThan(0)
    await log.close()
  })

  test('counts what it leaves: every number of a topic is that of its rows', async () => {
    const url = engine.nextUrl()
    const log = await openPostgresLog({ url })
    await using app = await connect(url)
    for (let i = 0; i < 12; i += 1) {
      await log.append(
        Array.from({ length: 40 }, (_, j) => ({
          topic: `t/${j % 4}`,
          data: 'é'.repeat((i * j) % 9),
          key: j % 3 === 0 ? undefined : `k${(i + j) % 5}`,
          remove: j % 3 === 1 && (i + j) % 7 === 0,
        })),
      )
      if (i % 3 === 1) await log.retention.trim([{ selector: '**', maxCount: 30, maxBytes: 900 }], Date.now())
      if (i === 7) await log.retention.purge('t/1')
    }
    const wrong = await app.run(`
      SELECT t.id FROM tailrace.topics t LEFT JOIN LATERAL (
        SELECT count(*) FILTER (WHERE k.seq IS NULL) AS count, count(k.seq) AS keys,
          coalesce(sum(octet_length(data)) FILTER (WHERE k.seq IS NULL), 0) AS bytes,
          coalesce(sum(octet_length(data) + octet_length(e.key) + 64) FILTER (WHERE k.seq IS NOT NULL), 0) AS state_bytes
        FROM tailrace.events e LEFT JOIN tailrace.keys k ON k.seq = e.seq WHERE e.topic = t.id
      ) real ON true
      WHERE (t.count, t.keys, t.bytes, t.state_bytes) IS DISTINCT FROM (real.count, real.keys, real.bytes, real.state_bytes)`)
    expect(wrong).toEqual([])
    await log.close()
  })
})
