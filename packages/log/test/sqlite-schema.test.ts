import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'

import { tempDir } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'

import { openSqliteLog } from '@tailrace/log'
import { LOG_FORMAT, openForWriting } from '../src/sqlite/database.ts'
import { APPLICATION_ID, MIGRATIONS } from '../src/sqlite/schema.ts'

const pragma = (db: DatabaseSync, name: string): unknown =>
  Object.values(db.prepare(`PRAGMA ${name}`).get()!)[0]

function open<T>(path: string, migrations: typeof MIGRATIONS, task: (db: DatabaseSync) => T): T {
  const db = openForWriting(path, { ...LOG_FORMAT, migrations })
  try {
    return task(db)
  } finally {
    db.close()
  }
}

/** Everything that a migration could change. */
function contentOf(db: DatabaseSync): unknown {
  return {
    version: pragma(db, 'user_version'),
    schema: db.prepare('SELECT name, sql FROM sqlite_schema ORDER BY name').all(),
    meta: db.prepare('SELECT name, value FROM meta ORDER BY name').all(),
  }
}

describe('a log in SQLite', () => {
  test('is opened with the settings that make a commit durable', () => {
    using dir = tempDir()
    const path = join(dir.path, 'log.db')
    for (const occasion of ['new', 'again']) {
      open(path, MIGRATIONS, (db) => {
        const settings = ['journal_mode', 'synchronous', 'auto_vacuum', 'application_id', 'user_version']
        expect([occasion, ...settings.map((name) => pragma(db, name))]).toEqual([
          occasion,
          'wal',
          2,
          2,
          APPLICATION_ID,
          MIGRATIONS.length,
        ])
      })
    }
  })
})

describe('a migration', () => {
  test('runs once on a log that exists, after those that it has had', () => {
    using dir = tempDir()
    const path = join(dir.path, 'log.db')
    const before = open(path, MIGRATIONS, contentOf)
    let runs = 0
    const extra = (db: DatabaseSync): void => {
      runs += 1
      expect(db.isTransaction).toBe(true)
      db.exec('CREATE TABLE extra (x)')
    }
    const more = [...MIGRATIONS, extra]
    const after = open(path, more, contentOf)
    expect(runs).toBe(1)
    expect(after).toMatchObject({ version: MIGRATIONS.length + 1, meta: (before as { meta: unknown }).meta })
    expect(open(path, more, contentOf)).toEqual(after)
    expect(runs).toBe(1)
  })

  test('leaves the log as it was when it fails, and runs again', () => {
    using dir = tempDir()
    const path = join(dir.path, 'log.db')
    const before = open(path, MIGRATIONS, contentOf)
    const half = (db: DatabaseSync): void => db.exec('CREATE TABLE half (x); UPDATE meta SET value = 7')
    const failing = (db: DatabaseSync): void => db.exec('CREATE TABLE half (x)')
    expect(() => openForWriting(path, { ...LOG_FORMAT, migrations: [...MIGRATIONS, half, failing] })).toThrow(
      'already exists',
    )
    expect(open(path, MIGRATIONS, contentOf)).toEqual(before)
    expect(open(path, [...MIGRATIONS, half], contentOf)).toMatchObject({ version: MIGRATIONS.length + 1 })
  })

  test('leaves events as they were, without a trace context where there was none yet', async () => {
    using dir = tempDir()
    const path = join(dir.path, 'log.db')
    open(path, MIGRATIONS.slice(0, 2), (db) => {
      db.exec(`
        INSERT INTO topics VALUES (1, 'a', 1, 3, 1, 0, NULL);
        INSERT INTO events VALUES (1, 1, 5, 'paid', NULL, 'old', 3, 0, 0);
        UPDATE meta SET value = 1 WHERE name = 'newest';
      `)
    })
    const log = await openSqliteLog({ path })
    const { events } = await log.read({ selectors: ['a'], after: 0, limit: 10, maxBytes: 1_000 })
    await log.close()
    expect(events).toEqual([
      {
        offset: 1,
        topic: 'a',
        time: 5,
        type: 'paid',
        key: undefined,
        data: 'old',
        remove: false,
        end: false,
        trace: undefined,
      },
    ])
  })

  test('counts the events and bytes of topics that were there before', async () => {
    using dir = tempDir()
    const path = join(dir.path, 'log.db')
    open(path, MIGRATIONS.slice(0, 2), (db) => {
      db.exec(`
        INSERT INTO topics VALUES (1, 'a', 2, 7, 4, 0, NULL);
        INSERT INTO events VALUES (1, 1, 5, NULL, NULL, 'old', 3, 0, 0);
        INSERT INTO events VALUES (2, 1, 5, NULL, 'key', 'was1', 4, 0, 0);
        INSERT INTO events VALUES (3, 1, 5, NULL, 'key', 'newest', 6, 0, 1);
        INSERT INTO events VALUES (4, 1, 5, NULL, 'é', 'x', 1, 0, 1);
        UPDATE meta SET value = 4 WHERE name = 'newest';
      `)
    })
    const log = await openSqliteLog({ path })
    const topics = await log.topics.list({ prefix: '', after: '', limit: 10 })
    await log.close()
    expect(topics).toEqual([{ topic: 'a', newest: 4, ended: false, events: 4, bytes: 14 + 3 + 2 }])
  })

  test('remembers the idempotency keys of every topic', async () => {
    using dir = tempDir()
    const path = join(dir.path, 'log.db')
    open(path, MIGRATIONS.slice(0, -1), (db) => {
      db.exec(`
        INSERT INTO answers VALUES ('a', 'once', 1, ${Date.now()}, 0), ('b', 'once', 2, ${Date.now()}, 1);
        INSERT INTO answered VALUES ('b', 68);
        UPDATE meta SET value = 2 WHERE name = 'newest';
      `)
    })
    const log = await openSqliteLog({ path })
    const again = ['a', 'b', 'c'].map((topic) => ({ topic, data: '', idempotencyKey: 'once' }))
    expect((await log.append(again)).map(({ offset }) => offset)).toEqual([1, 2, 3])
    await log.close()
    open(path, MIGRATIONS, (db) => {
      db.exec(`DELETE FROM answers WHERE topic = 'b'`)
      expect(db.prepare('SELECT * FROM answered').all()).toEqual([])
    })
  })

  test('leaves no half-made log when the first one fails', () => {
    using dir = tempDir()
    const path = join(dir.path, 'log.db')
    const failing = (db: DatabaseSync): void => db.exec('CREATE TABLE half (x); SELECT missing')
    expect(() => openForWriting(path, { ...LOG_FORMAT, migrations: [failing] })).toThrow('no such column')
    expect(open(path, MIGRATIONS, contentOf)).toMatchObject({ version: MIGRATIONS.length })
  })
})
