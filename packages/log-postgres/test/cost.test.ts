import { queryObjects } from 'node:v8'
import { openPostgresLog } from '@tailrace/log-postgres'
import { needs } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'

import { connect, schemaOf, useServer } from './server.ts'
import { follow, readEverything } from './tail.ts'

const postgres = needs('postgres')

describe.skipIf(!postgres)('what a node costs the server', () => {
  const engine = useServer()

  test('is the same few connections, one of which listens, whatever the number of readers', async () => {
    const url = engine.nextUrl()
    const log = await openPostgresLog({ url })
    await using app = await connect(url)
    const connections = (): Promise<unknown> =>
      app.run(
        `SELECT count(*)::integer AS all, count(*) FILTER (WHERE query LIKE '%ahead AS%')::integer AS tails
         FROM pg_stat_activity WHERE application_name = 'tailrace'`,
      )
    await log.append([{ topic: 'a', data: '' }])
    await expect.poll(connections).toEqual([{ all: 5, tails: 1 }])
    const told = await Promise.all(Array.from({ length: 200 }, () => follow(log)))
    const before = await calls()
    await log.append([{ topic: 'a', data: 'to all' }])
    for (const { events } of told) await expect.poll(() => events.length).toBe(1)
    await expect.poll(connections).toEqual([{ all: 5, tails: 1 }])
    // Scans by the tail and by the append: nothing of this grows with the readers.
    expect((await calls()) - before).toBeLessThan(50)
    await log.close()

    async function calls(): Promise<number> {
      const [row] = await app.run(
        `SELECT coalesce(sum(idx_scan), 0)::integer AS n FROM pg_stat_user_tables
         WHERE schemaname = $1 AND relname = 'events'`,
        [schemaOf(url)],
      )
      return row!['n'] as number
    }
  })

  test('is one commit for everything that is appended while another is under way', async () => {
    const url = engine.nextUrl()
    const log = await openPostgresLog({ url })
    await using app = await connect(url)
    await Promise.all(Array.from({ length: 64 }, (_, i) => log.append([{ topic: 'a', data: `${i}` }])))
    const [row] = await app.run('SELECT count(DISTINCT xmin::text)::integer AS commits FROM tailrace.events')
    expect(row!['commits']).toBeLessThanOrEqual(2)
    expect((await readEverything(log)).map(({ data }) => data)).toEqual(
      Array.from({ length: 64 }, (_, i) => `${i}`),
    )
    await log.close()
  })

  test('is no memory of the node for each purge', async () => {
    const log = await openPostgresLog({ url: engine.nextUrl() })
    const work = async (): Promise<void> => {
      for (let i = 0; i < 100; i += 1) {
        await log.append([{ topic: 'a', data: '' }])
        await log.retention.purge('a')
      }
    }
    await work()
    // After a collection of garbage.
    const before = queryObjects(Promise, { format: 'count' })
    await work()
    expect(queryObjects(Promise, { format: 'count' }) - before).toBeLessThan(50)
    await log.close()
  })

  test('retention of many events does not hold publishers up: each waits for one small step at most', async () => {
    const url = engine.nextUrl()
    const log = await openPostgresLog({ url })
    await using app = await connect(url)
    const count = 20_000
    for (let n = 0; n < count; n += 10_000) {
      await app.run(
        `SELECT count(*) FROM (SELECT tailrace.publish('t/' || i % 10, repeat('x', 100))
         FROM generate_series(1, 10000) i) p`,
      )
    }
    const rules = [{ selector: '**', maxCount: 10 }]
    const over = new AbortController()
    const trimming = (async () => {
      const began = performance.now()
      let steps = 0
      for (let done = false; !done; steps += 1) ({ done } = await log.retention.trim(rules, Date.now()))
      over.abort()
      return { steps, ms: performance.now() - began }
    })()
    const waits: number[] = []
    while (!over.signal.aborted) {
      const began = performance.now()
      await log.append([{ topic: 'other', data: '' }])
      waits.push(performance.now() - began)
    }
    const { steps, ms } = await trimming
    expect(steps).toBeGreaterThan(50)
    // If one transaction did it all, the first publisher would wait for most of it.
    expect(Math.max(...waits)).toBeLessThan(ms / 5)
    expect(waits.length).toBeGreaterThan(50)
    expect((await readEverything(log)).filter(({ topic }) => topic !== 'other')).toHaveLength(100)
    await log.close()
  })

  test('a page examines a bounded number of rows, by indexes, however large the log is', async () => {
    const url = engine.nextUrl()
    await (await openPostgresLog({ url })).close()
    await using app = await connect(url)
    for (let n = 0; n < 3; n += 1) {
      await app.run(
        `SELECT count(*) FROM (SELECT tailrace.publish('t/' || i % 2500, 'x', key => 'k')
         FROM generate_series(1, 10000) i) p`,
      )
    }
    interface Scanned {
      readonly rows: number
      readonly sequential: number
    }
    /** A session reports what it has done when it ends, at the latest. */
    async function scanned(): Promise<Scanned> {
      await app.run('SELECT pg_stat_force_next_flush()')
      await expect
        .poll(() => app.run(`SELECT pid FROM pg_stat_activity WHERE application_name = 'tailrace'`))
        .toEqual([])
      const [row] = await app.run(
        `SELECT sum(coalesce(idx_tup_fetch, 0) + seq_tup_read)::integer AS rows, sum(seq_scan)::integer AS sequential
         FROM pg_stat_user_tables WHERE schemaname = $1 AND relname IN ('events', 'topics', 'keys', 'removed')`,
        [schemaOf(url)],
      )
      return row as unknown as Scanned
    }
    for (const selectors of [['t/7'], ['t/7', 't/8'], ['t/7', 'none/*'], ['t/*'], ['*/7'], ['**']]) {
      const before = await scanned()
      const log = await openPostgresLog({ url })
      for (const reader of [log, log.snapshots])
        await reader.read({ selectors, after: 100, limit: 10, maxBytes: 2 ** 20 })
      await log.close()
      const after = await scanned()
      expect([selectors, after.sequential - before.sequential]).toEqual([selectors, 0])
      expect(after.rows - before.rows).toBeGreaterThan(0)
      expect(after.rows - before.rows).toBeLessThan(20_000)
    }
  })
})
