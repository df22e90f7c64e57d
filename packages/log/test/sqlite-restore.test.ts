import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'

import { openSqliteLog } from '@tailrace/log'
import type { EventLog, LogDescription } from '@tailrace/log'
import { spawnCli, tempDir } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'

import { killAfter, PUBLISH_UNTIL_KILLED } from './batches.ts'

const everything = { selectors: ['**'], after: 0, limit: 100_000, maxBytes: 2 ** 30 }

async function publish(log: EventLog, ...data: string[]): Promise<void> {
  for (const one of data) await log.append([{ topic: 'a', data: one, idempotencyKey: one }])
}

async function withLog<T>(path: string, task: (log: EventLog) => Promise<T>): Promise<T> {
  const log = await openSqliteLog({ path })
  try {
    return await task(log)
  } finally {
    await log.close()
  }
}

const describeLog = (path: string): Promise<LogDescription> => withLog(path, (log) => log.describe())

const dataIn = (path: string): Promise<string[]> =>
  withLog(path, async (log) => (await log.read(everything)).events.map(({ data }) => data))

/** A folder with a log in it, and the path of another one. */
function folders(dir: string): { from: string; to: string } {
  const from = join(dir, 'from')
  mkdirSync(from)
  return { from, to: join(dir, 'to') }
}

/** Fails as SQLite does when pages of two moments are mixed. */
function expectWhole(path: string): void {
  const db = new DatabaseSync(path, { readOnly: true })
  try {
    expect(db.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }])
  } finally {
    db.close()
  }
}

/** The ways to make a back-up while the hub runs, which SQLite names. */
const BACKUPS: Readonly<Record<string, (path: string, target: string) => Promise<void>>> = {
  'VACUUM INTO': async (path, target) => {
    const db = new DatabaseSync(path)
    db.exec(`VACUUM INTO '${target}'`)
    db.close()
  },
  '.backup': async (path, target) => {
    const db = new DatabaseSync(path)
    await backup(db, target)
    db.close()
  },
}

const RESTORES: Readonly<Record<string, (from: string, to: string) => void>> = {
  cp: (from, to) => copyFileSync(from, to),
  mv: (from, to) => {
    copyFileSync(from, `${to}.new`)
    renameSync(`${to}.new`, to)
  },
}

describe.each(Object.keys(BACKUPS))('a back-up by %s', (way) => {
  describe.each(Object.keys(RESTORES))('that %s puts over its log', (restore) => {
    test('begins a new epoch, and gives no offset again', async () => {
      using dir = tempDir()
      const [path, copy] = [join(dir.path, 'log.db'), join(dir.path, 'backup.db')]
      const before = await withLog(path, async (log) => {
        await publish(log, '1', '2', '3')
        await BACKUPS[way]!(path, copy)
        await publish(log, '4', '5', '6')
        return log.describe()
      })
      for (let times = 0, epoch = before.epoch; times < 2; times += 1) {
        RESTORES[restore]!(copy, path)
        const after = await describeLog(path)
        expect(after.epoch).not.toBe(epoch)
        expect(after.newest).toBeGreaterThanOrEqual(before.newest)
        expect(await dataIn(path)).toEqual(['1', '2', '3'])
        const next = await withLog(path, (log) => log.append([{ topic: 'a', data: 'next' }]))
        expect(next[0]!.offset).toBe(after.newest + 1)
        // Opened once more, it is the same log.
        expect(await describeLog(path)).toMatchObject({ epoch: after.epoch, newest: after.newest + 1 })
        expectWhole(path)
        epoch = after.epoch
      }
    })

    test('after a kill is not mixed with what the dead hub had written last', async () => {
      using dir = tempDir()
      const [path, copy] = [join(dir.path, 'log.db'), join(dir.path, 'backup.db')]
      {
        await using child = spawnCli([path, '1'], { main: PUBLISH_UNTIL_KILLED })
        await killAfter(child, 500)
      }
      await withLog(path, () => BACKUPS[way]!(path, copy))
      const before = await describeLog(path)
      const backedUp = await dataIn(copy)
      await using child = spawnCli([path, '2'], { main: PUBLISH_UNTIL_KILLED })
      await killAfter(child, 2000)
      expect(existsSync(`${path}-wal`)).toBe(true)

      RESTORES[restore]!(copy, path)
      expect(await dataIn(path)).toEqual(backedUp)
      expectWhole(path)
      expect((await describeLog(path)).epoch).not.toBe(before.epoch)
    })
  })
})

test('a back-up of the moment, put under the write-ahead log that goes on from it, loses nothing', async () => {
  using dir = tempDir()
  const { from, to } = folders(dir.path)
  const [path, copy] = [join(from, 'log.db'), join(dir.path, 'backup.db')]
  const all = await withLog(path, async (log) => {
    await publish(log, '1', '2', '3')
    await BACKUPS['.backup']!(path, copy)
    await publish(log, '4', '5', '6')
    // What a kill would leave behind.
    cpSync(from, to, { recursive: true })
    return log.read(everything)
  })
  const restored = join(to, 'log.db')
  copyFileSync(copy, restored)
  expect(await dataIn(restored)).toEqual(all.events.map(({ data }) => data))
  expectWhole(restored)
})

test('the log of another hub begins a new epoch, with the write-ahead log of the one before it in its way', async () => {
  using dir = tempDir()
  const [path, other] = [join(dir.path, 'log.db'), join(dir.path, 'other.db')]
  await withLog(other, (log) => publish(log, ...Array.from({ length: 100 }, (_, i) => `other ${i}`)))
  const epochs = [(await describeLog(other)).epoch, (await describeLog(path)).epoch]
  await using child = spawnCli([path, '1'], { main: PUBLISH_UNTIL_KILLED })
  await killAfter(child, 20)
  copyFileSync(other, path)
  expect(await dataIn(path)).toHaveLength(100)
  expectWhole(path)
  expect(epochs).not.toContain((await describeLog(path)).epoch)
})

describe('a log that is copied', () => {
  test.each([
    ['alone', (name: string) => name === 'log.db'],
    ['with all its files', () => true],
  ])('to another place %s begins a new epoch there, and keeps its own', async (_, isCopied) => {
    using dir = tempDir()
    const { from, to } = folders(dir.path)
    const path = join(from, 'log.db')
    const before = await withLog(path, async (log) => {
      await publish(log, '1', '2', '3')
      return log.describe()
    })
    cpSync(from, to, {
      recursive: true,
      filter: (file) => file === from || isCopied(file.slice(from.length + 1)),
    })
    const copied = await describeLog(join(to, 'log.db'))
    expect(copied.epoch).not.toBe(before.epoch)
    expect(await dataIn(join(to, 'log.db'))).toEqual(['1', '2', '3'])
    expect((await describeLog(path)).epoch).toBe(before.epoch)
  })

  test('after a kill keeps what was acknowledged', async () => {
    using dir = tempDir()
    const { from, to } = folders(dir.path)
    await using child = spawnCli([join(from, 'log.db'), '1'], { main: PUBLISH_UNTIL_KILLED })
    const acknowledged = await killAfter(child, 100)
    cpSync(from, to, { recursive: true })
    const stored = new Set((await dataIn(join(to, 'log.db'))).map((data) => data.split(' ')[0]))
    for (const [batch] of acknowledged) expect(stored).toContain(batch)
  })
})

describe('the epoch stays', () => {
  test('when the files are renamed, together', async () => {
    using dir = tempDir()
    const path = join(dir.path, 'log.db')
    const before = await withLog(path, async (log) => {
      await publish(log, '1')
      return log.describe()
    })
    const elsewhere = join(dir.path, 'elsewhere.db')
    for (const name of readdirSync(dir.path)) {
      renameSync(join(dir.path, name), join(dir.path, name.replace('log.db', 'elsewhere.db')))
    }
    expect(await describeLog(elsewhere)).toEqual(before)
  })

  test('over kills at any moment', async () => {
    using dir = tempDir()
    const path = join(dir.path, 'log.db')
    const { epoch } = await describeLog(path)
    for (let round = 0; round < 10; round += 1) {
      await using child = spawnCli([path, `${round}`], { main: PUBLISH_UNTIL_KILLED })
      await killAfter(child, 1 + round * 7)
      expect((await describeLog(path)).epoch).toBe(epoch)
    }
  })

  test('when a log of a version without marks is opened', async () => {
    using dir = tempDir()
    const path = join(dir.path, 'log.db')
    const { MIGRATIONS } = await import('../src/sqlite/schema.ts')
    const { LOG_FORMAT, openForWriting } = await import('../src/sqlite/database.ts')
    const db = openForWriting(path, { ...LOG_FORMAT, migrations: MIGRATIONS.slice(0, 4) })
    const epoch = db.prepare(`SELECT value FROM meta WHERE name = 'epoch'`).get()!['value']
    db.close()
    expect((await describeLog(path)).epoch).toBe(epoch)
    await withLog(path, (log) => publish(log, '1'))
    expect((await describeLog(path)).epoch).toBe(epoch)
  })
})

test('an operator who rolls the whole disk back begins a new epoch by removing the mark', async () => {
  using dir = tempDir()
  const path = join(dir.path, 'log.db')
  const before = await withLog(path, async (log) => {
    await publish(log, '1')
    return log.describe()
  })
  rmSync(`${path}-mark`)
  expect((await describeLog(path)).epoch).not.toBe(before.epoch)
})
