import type { CompleteEventLog, StoredEvent } from '@tailrace/log'
import { openPostgresLog } from '@tailrace/log-postgres'
import { needs } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'

import { connect, schemaOf, useServer, type Application } from './server.ts'

const postgres = needs('postgres')
const everything = { selectors: ['**'], after: 0, limit: 10_000, maxBytes: 2 ** 30 }

describe.skipIf(!postgres)('publishing from the transaction of an application', () => {
  const engine = useServer({ settings: { max_prepared_transactions: '2' } })

  interface Setting extends AsyncDisposable {
    readonly url: string
    readonly log: CompleteEventLog
    readonly app: Application
    /** What a tail was told. */
    readonly told: StoredEvent[]
  }

  async function set(): Promise<Setting> {
    const url = engine.nextUrl()
    const log = await openPostgresLog({ url })
    const told: StoredEvent[] = []
    await log.tail({
      events: (events) => void told.push(...events),
      purged() {},
      lost() {},
      interrupted() {},
      resumed() {},
      failed() {},
    })
    const app = await connect(url)
    return {
      url,
      log,
      app,
      told,
      async [Symbol.asyncDispose]() {
        await app[Symbol.asyncDispose]()
        await log.close()
      },
    }
  }

  test('reaches readers if it commits, at its commit, with everything that an event has', async () => {
    await using setting = await set()
    const { log, app, told } = setting
    await app.run('BEGIN')
    await app.run(
      `SELECT tailrace.publish('orders/42', '{"total":12}', type => 'paid', key => 'é', idempotency_key => 'once',
        traceparent => '00-1-2-00', tracestate => 'a=1')`,
    )
    await app.run(
      `SELECT tailrace.publish('orders/42', '{"b": 1, "a": [null]}'::jsonb, key => 'é', remove => true)`,
    )
    await app.run(`SELECT tailrace.publish('orders/42', '', "end" => true)`)
    const before = Date.now()
    expect((await log.describe()).newest).toBe(0)
    await app.run('COMMIT')
    const { events } = await log.read(everything)
    const time = expect.any(Number)
    expect(events).toMatchObject([
      {
        topic: 'orders/42',
        data: '{"total":12}',
        type: 'paid',
        key: 'é',
        remove: false,
        end: false,
        time,
        trace: { traceparent: '00-1-2-00', tracestate: 'a=1' },
      },
      { data: '{"a": [null], "b": 1}', key: 'é', remove: true },
      { data: '', key: undefined, end: true, trace: undefined },
    ])
    expect(events[0]!.time).toBeGreaterThanOrEqual(before)
    await expect.poll(() => told).toEqual(events)
    expect(await log.topics.ended(['orders/42'])).toEqual([events[2]!.offset])
  })

  test('reaches nobody if it does not commit: rolled back, in part or as a whole, or cut off', async () => {
    await using setting = await set()
    const { log, app, told, url } = setting
    await app.run('CREATE TABLE IF NOT EXISTS orders (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)')
    await app.run(`BEGIN; SELECT tailrace.publish('a', 'rolled back'); ROLLBACK`)
    await app.run(
      `BEGIN; SELECT tailrace.publish('a', '1');
       SAVEPOINT s; SELECT tailrace.publish('a', 'back to a savepoint'); ROLLBACK TO s;
       SELECT tailrace.publish('a', '2'); SAVEPOINT t; SELECT tailrace.publish('a', '3'); RELEASE t; COMMIT`,
    )
    // Another constraint fails at the commit.
    await expect(
      app.run(`BEGIN; SELECT tailrace.publish('a', 'failed'); INSERT INTO orders VALUES (1), (1); COMMIT`),
    ).rejects.toMatchObject({ code: '23505' })
    await app.run('ROLLBACK')
    await using other = await connect(url)
    await other.run('BEGIN')
    await other.run(`SELECT tailrace.publish('a', 'cut off')`)
    await app.run('SELECT pg_terminate_backend($1)', [other.pid])
    await app.run(`SELECT tailrace.publish('a', '4')`)
    const { events } = await log.read(everything)
    expect(events.map(({ data }) => data)).toEqual(['1', '2', '3', '4'])
    await expect.poll(() => told).toEqual(events)
    expect(await app.run('SELECT count(*)::int AS left FROM tailrace.staged')).toEqual([{ left: 0 }])
  })

  test('does not hold others up before its commit, however long the transaction is', async () => {
    await using setting = await set()
    const { log, app, told, url } = setting
    await app.run('BEGIN')
    await app.run(`SELECT tailrace.publish('a', 'long 1'), tailrace.publish('b', 'long 2')`)
    await using other = await connect(url)
    for (let i = 0; i < 5; i += 1) {
      await log.append([{ topic: 'a', data: `hub ${i}` }])
      await other.run(`SELECT tailrace.publish('a', 'other ${i}')`)
    }
    await expect.poll(() => told.length).toBe(10)
    await app.run('COMMIT')
    await expect.poll(() => told.length).toBe(12)
    // Its events are together, and come where it committed.
    expect(told.slice(-2).map(({ data }) => data)).toEqual(['long 1', 'long 2'])
    expect((await log.read(everything)).events).toEqual(told)
  })

  test('is all or nothing: an event after the end of its topic fails the transaction', async () => {
    await using setting = await set()
    const { log, app } = setting
    await app.run('CREATE TABLE IF NOT EXISTS bills (id int)')
    await app.run('BEGIN')
    await app.run(
      `INSERT INTO bills VALUES (1); SELECT tailrace.publish('b', 'x'), tailrace.publish('a', 'late')`,
    )
    await log.append([{ topic: 'a', data: 'last', end: true }])
    await expect(app.run('COMMIT')).rejects.toMatchObject({
      code: 'TR001',
      message: expect.stringContaining('topic a'),
    })
    expect(await app.run('SELECT * FROM bills')).toEqual([])
    expect((await log.read(everything)).events.map(({ data }) => data)).toEqual(['last'])
  })

  test('stores a repeat once, whichever way the first came', async () => {
    await using setting = await set()
    const { log, app } = setting
    const [first] = await log.append([{ topic: 'a', data: 'hub', idempotencyKey: 'one' }])
    await app.run(`SELECT tailrace.publish('a', 'again', idempotency_key => 'one')`)
    await app.run(`SELECT tailrace.publish('a', 'x', idempotency_key => 'two'),
      tailrace.publish('a', 'y', idempotency_key => 'two')`)
    const again = { topic: 'a', data: 'hub', idempotencyKey: 'two' }
    expect(await log.append([again])).toEqual([{ offset: first!.offset + 1, duplicate: true }])
    expect((await log.read(everything)).events.map(({ data }) => data)).toEqual(['hub', 'x'])
  })

  test('rejects in the transaction what a hub rejects', async () => {
    await using setting = await set()
    const { log, app } = setting
    const flaws: Record<string, string> = {
      [`''`]: 'topic is empty',
      [`repeat('é', 129)`]: 'longer than 256 bytes',
      [`E'a\\x1fb'`]: 'control character',
      [`U&'a\\0085'`]: 'control character',
      [`'/a'`]: 'empty segment',
      [`'a//b'`]: 'empty segment',
      [`'a/./b'`]: 'segment .,',
      [`'..'`]: 'segment ..,',
      [`'a/*'`]: 'contains a *',
      [`NULL`]: 'topic is empty',
      [`'a', NULL::text`]: 'data is null',
      [`'a', repeat('x', 1048577)`]: 'at most 1048576',
      [`'a', '', type => ''`]: 'type is empty',
      [`'a', '', type => E'x\\ny'`]: 'forge a frame',
      [`'a', '', type => 'tailrace.gap'`]: 'reserved',
      [`'a', '', key => repeat('x', 257)`]: 'key is longer',
      [`'a', '', remove => true`]: 'removes a key and has none',
      [`'a', '', idempotency_key => E'\\r'`]: 'forge a frame',
      [`'a', '', tracestate => 'a=1'`]: 'no traceparent',
      [`'a', '', traceparent => repeat('x', 513)`]: 'longer than 512',
    }
    for (const [call, flaw] of Object.entries(flaws)) {
      const words = call.includes(', ') && !call.startsWith('repeat') ? call : `${call}, ''`
      await expect(app.run(`SELECT tailrace.publish(${words})`), words).rejects.toMatchObject({
        code: '22023',
        message: expect.stringContaining(flaw),
      })
    }
    const odd = [`'a b/ü/...'`, `'x'`, `repeat('x', 256)`]
    for (const topic of odd) await app.run(`SELECT tailrace.publish(${topic}, 'fine')`)
    expect((await log.read(everything)).events).toHaveLength(odd.length)
  })

  test('bounds what one transaction publishes', async () => {
    await using setting = await set()
    const { log, app, told } = setting
    const many = (count: number): string =>
      `SELECT count(*) FROM (SELECT tailrace.publish('a/' || n % 7, n::text) FROM generate_series(1, ${count}) n) p`
    await expect(app.run(many(10_001))).rejects.toMatchObject({ code: '54000' })
    const megabytes = (count: number): string =>
      `SELECT count(tailrace.publish('big', repeat('x', 1048576))::text) FROM generate_series(1, ${count})`
    // At the call that is too much, and not at the commit, when everything is stored already and all others wait.
    await app.run('BEGIN')
    await app.run(`SAVEPOINT s; ${megabytes(32)}; ROLLBACK TO s`)
    await app.run(`SAVEPOINT s; ${megabytes(32)}`)
    await expect(app.run(`SELECT tailrace.publish('big', 'x')`)).rejects.toMatchObject({ code: '54000' })
    await app.run('ROLLBACK')
    await app.run(many(10_000))
    const events: StoredEvent[] = []
    for (let after = 0, more = true; more;) {
      const page = await log.read({ ...everything, after })
      events.push(...page.events)
      ;({ next: after, more } = page)
    }
    expect(events.map(({ data }) => Number(data))).toEqual(Array.from({ length: 10_000 }, (_, i) => i + 1))
    // More than the tail reads at once.
    await expect.poll(() => told.length).toBe(10_000)
    expect(told).toEqual(events)
  })

  test('needs the right to use the schema, which gives no other', async () => {
    await using setting = await set()
    const { log, app, url } = setting
    await app.run('CREATE ROLE shop LOGIN')
    await using shop = await connect(url, 'shop')
    const publish = `SELECT tailrace.publish('a', 'from the shop')`
    await expect(shop.run(publish)).rejects.toMatchObject({ code: '42501' })
    await app.run(`GRANT USAGE ON SCHEMA ${schemaOf(url)} TO shop`)
    await shop.run(publish)
    // Neither its own search path nor its own objects have an effect.
    await shop.run(
      `CREATE TEMP TABLE staged (x int); CREATE TEMP TABLE topics (x int); SET search_path = pg_temp`,
    )
    await shop.run(`SELECT tailrace.publish('a', '"json"'::jsonb)`)
    for (const sql of [
      'SELECT * FROM tailrace.events',
      `INSERT INTO tailrace.staged (xact) VALUES ('1')`,
      `SELECT tailrace.purge(NULL, 'a')`,
      `SELECT tailrace.enter(NULL)`,
      'DO $$ BEGIN LOCK TABLE tailrace.turn IN EXCLUSIVE MODE; END $$',
      'ALTER TABLE tailrace.staged DISABLE TRIGGER move_at_commit',
    ])
      await expect(shop.run(sql), sql).rejects.toMatchObject({ code: '42501' })
    // Advisory locks are everybody's: none of them is the turn to publish.
    await shop.run(
      `SELECT pg_advisory_lock(1953653605, oid::integer), pg_advisory_lock(oid::bigint) FROM pg_class
       WHERE relnamespace = '${schemaOf(url)}'::regnamespace`,
    )
    expect((await log.read(everything)).events.map(({ data }) => data)).toEqual(['from the shop', '"json"'])
    await log.append([{ topic: 'a', data: 'not held up' }])
  })

  test('works whatever the settings of the session are, and is durable', async () => {
    await using setting = await set()
    const { log, app } = setting
    await app.run(
      `SET synchronous_commit = off; SET session_replication_role = replica; SET client_encoding = latin1`,
    )
    await app.run(`SELECT tailrace.publish('a', U&'\\00e9')`)
    await app.run(`BEGIN; SET CONSTRAINTS ALL IMMEDIATE; SELECT tailrace.publish('a', '2'); COMMIT`)
    expect((await log.read(everything)).events.map(({ data }) => data)).toEqual(['é', '2'])
    // The commit itself waits for the disk.
    await app.run(`BEGIN; SELECT tailrace.publish('a', '3'); SET CONSTRAINTS ALL IMMEDIATE`)
    expect(await app.run('SHOW synchronous_commit')).toEqual([{ synchronous_commit: 'on' }])
    await app.run('COMMIT')
    expect(await app.run('SHOW synchronous_commit')).toEqual([{ synchronous_commit: 'off' }])
    await app.run('SET synchronous_commit = local')
    await app.run(`BEGIN; SELECT tailrace.publish('a', '4'); SET CONSTRAINTS ALL IMMEDIATE`)
    expect(await app.run('SHOW synchronous_commit')).toEqual([{ synchronous_commit: 'on' }])
    await app.run('COMMIT')
  })

  test('cannot hold everybody up for long by doing nothing after its events are in the log', async () => {
    await using setting = await set()
    const { log, app } = setting
    for (const [own, effective] of [
      ['0', '10s'],
      ['1h', '10s'],
      ['2s', '2s'],
    ] as const) {
      await app.run(`SET idle_in_transaction_session_timeout = '${own}'`)
      await app.run(`BEGIN; SELECT tailrace.publish('a', '${own}'); SET CONSTRAINTS ALL IMMEDIATE`)
      const [row] = await app.run('SHOW idle_in_transaction_session_timeout')
      expect(row).toEqual({ idle_in_transaction_session_timeout: effective })
      if (own !== '2s') await app.run('COMMIT')
    }
    const ended = await log.append([{ topic: 'a', data: 'after' }])
    expect(ended).toMatchObject([{ duplicate: false }])
    expect((await log.read(everything)).events.map(({ data }) => data)).toEqual(['0', '1h', 'after'])
  })

  test('works in transactions that are isolated, which fail if another publishes to their topics', async () => {
    await using setting = await set()
    const { log, app } = setting
    for (const level of ['REPEATABLE READ', 'SERIALIZABLE']) {
      await app.run(`BEGIN ISOLATION LEVEL ${level}`)
      await app.run(`SELECT tailrace.publish('mine', '${level}')`)
      await log.append([{ topic: 'other', data: level }])
      await app.run('COMMIT')
      await app.run(`BEGIN ISOLATION LEVEL ${level}`)
      await app.run(`SELECT tailrace.publish('mine', 'too late')`)
      await log.append([{ topic: 'mine', data: 'first' }])
      await expect(app.run('COMMIT')).rejects.toMatchObject({ code: '40001' })
    }
    // Both would be the first since a restart of the server.
    await app.run(`UPDATE tailrace.log SET server_started = 'epoch'`)
    await app.run('BEGIN ISOLATION LEVEL REPEATABLE READ')
    await app.run(`SELECT tailrace.publish('mine', 'second')`)
    await log.append([{ topic: 'other', data: 'first' }])
    await expect(app.run('COMMIT')).rejects.toMatchObject({ code: '40001' })
    const { events } = await log.read({ ...everything, selectors: ['mine'] })
    expect(events.map(({ data }) => data)).toEqual(['REPEATABLE READ', 'first', 'SERIALIZABLE', 'first'])
  })

  test('cannot be part of a commit in two phases, whose second phase everybody would have to wait for', async () => {
    await using setting = await set()
    const { log, app } = setting
    await app.run(`BEGIN; SELECT tailrace.publish('a', 'prepared')`)
    await expect(app.run(`PREPARE TRANSACTION 'one'`)).rejects.toMatchObject({ code: '0A000' })
    await log.append([{ topic: 'a', data: 'after', idempotencyKey: 'once' }])
    // Also if there is nothing to store.
    await app.run(`BEGIN; SELECT tailrace.publish('a', 'again', idempotency_key => 'once')`)
    await expect(app.run(`PREPARE TRANSACTION 'two'`)).rejects.toMatchObject({ code: '0A000' })
    expect((await log.read(everything)).events.map(({ data }) => data)).toEqual(['after'])
  })
})
