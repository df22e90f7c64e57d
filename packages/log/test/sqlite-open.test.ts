import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'

import { openSqliteLog, type EventLog, type StoredEvent } from '@tailrace/log'
import { mountSmallDisk, needs, spawnCli, tempDir } from '@tailrace/testkit'
import { rejection } from '@tailrace/log-suite'
import { describe, expect, test } from 'vitest'

const HOLD_LOG = fileURLToPath(new URL('./programs/hold-log.ts', import.meta.url))
const everything = { selectors: ['**'], after: 0, limit: 100_000, maxBytes: 2 ** 30 }

/** Makes a log with some pages in it, and closes it. */
async function makeLog(path: string): Promise<void> {
  const log = await openSqliteLog({ path })
  for (let i = 0; i < 20; i += 1) {
    await log.append(Array.from({ length: 50 }, (_, j) => ({ topic: `t/${j}`, data: 'x'.repeat(500) })))
  }
  await log.close()
}

async function readWhole(path: string): Promise<readonly StoredEvent[]> {
  const log = await openSqliteLog({ path })
  const { events } = await log.read(everything)
  await log.close()
  return events
}

function withDatabase<T>(path: string, task: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(path)
  try {
    return task(db)
  } finally {
    db.close()
  }
}

/** Overwrites one of the pages that hold events, counted from 0. */
function damageLeaf(path: string, index: number): void {
  const page = withDatabase(path, (db) =>
    db
      .prepare(`SELECT pageno FROM dbstat WHERE name = 'events' AND pagetype = 'leaf' LIMIT 1 OFFSET ?`)
      .get(index),
  )
  const end = Number(page!['pageno']) * 4096
  writeFileSync(path, readFileSync(path).fill(0xff, end - 4096, end))
}

describe('a log that is held', () => {
  async function whileHeld(path: string, task: (log: EventLog) => Promise<void>): Promise<void> {
    const log = await openSqliteLog({ path })
    try {
      await task(log)
    } finally {
      await log.close()
    }
  }

  test('is locked for the same process, and free after close', async () => {
    using dir = tempDir()
    const path = join(dir.path, 'log.db')
    await whileHeld(path, async (log) => {
      expect(await rejection(openSqliteLog({ path }))).toMatchObject({ code: 'locked' })
      expect(await rejection(openSqliteLog({ path: relative(process.cwd(), path) }))).toMatchObject({
        code: 'locked',
      })
      await log.append([{ topic: 'a', data: 'unharmed' }])
    })
    expect(await readWhole(path)).toHaveLength(1)
  })

  test('is locked behind a symbolic link to it', async () => {
    using dir = tempDir()
    const path = join(dir.path, 'log.db')
    const [link, folder] = [join(dir.path, 'link.db'), join(dir.path, 'folder')]
    symlinkSync(path, link)
    symlinkSync(dir.path, folder)
    await whileHeld(path, async () => {
      expect(await rejection(openSqliteLog({ path: link }))).toMatchObject({ code: 'locked' })
      expect(await rejection(openSqliteLog({ path: join(folder, 'log.db') }))).toMatchObject({
        code: 'locked',
      })
    })
    await whileHeld(link, async () => {
      expect(await rejection(openSqliteLog({ path }))).toMatchObject({ code: 'locked' })
    })
  })

  test('is locked when a symbolic link made it', async () => {
    using dir = tempDir()
    const [path, link] = [join(dir.path, 'log.db'), join(dir.path, 'link.db')]
    symlinkSync('log.db', link)
    await whileHeld(link, async () => {
      expect(await rejection(openSqliteLog({ path }))).toMatchObject({ code: 'locked' })
    })
  })

  test('is locked for another process, until that is killed', async () => {
    using dir = tempDir()
    const path = join(dir.path, 'log.db')
    await using holder = spawnCli([path], { main: HOLD_LOG })
    expect(await holder.nextLine()).toBe('open')
    expect(await rejection(openSqliteLog({ path }))).toMatchObject({ code: 'locked' })
    await holder.kill('SIGKILL')
    expect(await readWhole(path)).toHaveLength(1)
  })
})

describe('a file that is not a log', () => {
  test.each([
    ['a short text', 'hello\n'],
    ['a long text', 'not a database, whatever its name says\n'.repeat(5000)],
    ['a text that starts as a database does', `SQLite format 3\0${'no more than that '.repeat(500)}`],
  ])('is refused and left as it was: %s', async (_, text) => {
    using dir = tempDir()
    const path = join(dir.path, 'log.db')
    writeFileSync(path, text)
    expect(await rejection(openSqliteLog({ path }))).toMatchObject({ code: 'foreign' })
    expect(readFileSync(path, 'utf8') === text).toBe(true)
  })

  test.each([
    ['with tables', 'CREATE TABLE t (x); INSERT INTO t VALUES (1)'],
    ['with tables, in WAL mode', 'PRAGMA journal_mode = WAL; CREATE TABLE t (x)'],
    ['with an application id', 'PRAGMA application_id = 1234'],
    ['with a version', 'PRAGMA user_version = 1'],
  ])('is refused and left as it was: a database %s', async (_, sql) => {
    using dir = tempDir()
    const path = join(dir.path, 'log.db')
    withDatabase(path, (db) => db.exec(sql))
    const before = readFileSync(path)
    expect(await rejection(openSqliteLog({ path }))).toMatchObject({ code: 'foreign' })
    expect(readFileSync(path).equals(before)).toBe(true)
  })

  test('becomes one when it is empty', async () => {
    using dir = tempDir()
    const path = join(dir.path, 'log.db')
    writeFileSync(path, '')
    await makeLog(path)
    expect(await readWhole(path)).toHaveLength(1000)
  })
})

describe('a log that cannot be opened', () => {
  test('was written by a newer version, and is left as it was', async () => {
    using dir = tempDir()
    const path = join(dir.path, 'log.db')
    await makeLog(path)
    withDatabase(path, (db) => db.exec('PRAGMA user_version = 99'))
    const before = readFileSync(path)
    expect(await rejection(openSqliteLog({ path }))).toMatchObject({
      code: 'incompatible',
      details: { version: 99 },
    })
    expect(readFileSync(path).equals(before)).toBe(true)
  })

  test('has no folder', async () => {
    using dir = tempDir()
    expect(await rejection(openSqliteLog({ path: join(dir.path, 'none', 'log.db') }))).toMatchObject({
      code: 'cannot-open',
    })
  })

  test('is a folder', async () => {
    using dir = tempDir()
    const path = join(dir.path, 'log.db')
    mkdirSync(path)
    expect(await rejection(openSqliteLog({ path }))).toMatchObject({ code: 'cannot-open' })
  })

  test('is damaged, and is not locked by the attempt', async () => {
    using dir = tempDir()
    const path = join(dir.path, 'log.db')
    await makeLog(path)
    damageLeaf(path, 0)
    expect(await rejection(openSqliteLog({ path }))).toMatchObject({ code: 'corrupt' })
    writeFileSync(path, readFileSync(path).fill(0xff, 4096))
    expect(await rejection(openSqliteLog({ path }))).toMatchObject({ code: 'corrupt' })
    expect(await rejection(openSqliteLog({ path }))).toMatchObject({ code: 'corrupt' })
  })

  test.skipIf(!needs('mount'))('is on a disk that is mounted read-only', async () => {
    using disk = mountSmallDisk(4 * 2 ** 20)!
    const path = join(disk.path, 'log.db')
    await makeLog(path)
    expect(spawnSync('mount', ['-o', 'remount,ro', disk.path]).status).toBe(0)
    expect(await rejection(openSqliteLog({ path }))).toMatchObject({ code: 'read-only' })
    expect(await rejection(openSqliteLog({ path: join(disk.path, 'new.db') }))).toMatchObject({
      code: 'read-only',
    })
    expect(spawnSync('mount', ['-o', 'remount,rw', disk.path]).status).toBe(0)
    expect(await readWhole(path)).toHaveLength(1000)
  })
})

test('a page that is damaged fails the reads that need it, and no others', async () => {
  using dir = tempDir()
  const path = join(dir.path, 'log.db')
  await makeLog(path)
  damageLeaf(path, 50)

  const log = await openSqliteLog({ path })
  expect(await rejection(log.read(everything))).toMatchObject({ code: 'corrupt', details: { path } })
  const appended = await log.append([{ topic: 'new', data: 'still here' }])
  const page = await log.read({ ...everything, selectors: ['new'] })
  expect(page.events).toMatchObject([{ offset: appended[0]!.offset, data: 'still here' }])
  await log.close()
})

test('a log that is closed leaves one file, and an empty one for its lock', async () => {
  using dir = tempDir()
  const path = join(dir.path, 'log.db')
  await makeLog(path)
  expect(statSync(path).size).toBeGreaterThan(500_000)
  expect(statSync(`${path}-wal`, { throwIfNoEntry: false })).toBeUndefined()
  expect(statSync(`${path}-lock`).size).toBe(0)
})
