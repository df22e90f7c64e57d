import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { openSqliteLog } from '@tailrace/log'
import type { CompleteEventLog } from '@tailrace/log'
import { tempDir } from '@tailrace/testkit'
import type { TempDir } from '@tailrace/testkit'
import { rejection } from '@tailrace/log-suite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { packBatches } from '../src/sqlite/packed.ts'
import { Thread } from '../src/sqlite/thread.ts'
import type { Writer } from '../src/sqlite/writer.ts'

let dir: TempDir
let path: string
let log: CompleteEventLog

beforeEach(async () => {
  dir = tempDir()
  path = join(dir.path, 'log.db')
  log = await openSqliteLog({ path })
  await log.append(Array.from({ length: 10 }, (_, i) => ({ topic: 'a', data: `${i}` })))
})

afterEach(async () => {
  await log.close()
  dir[Symbol.dispose]()
})

const WORKER = new URL('../src/sqlite/worker.ts', import.meta.url)

test('a log that was moved away loses nothing more, to retention, purges or notes', async () => {
  const elsewhere = join(dir.path, 'backup.db')
  renameSync(path, elsewhere)
  const note = { key: 'once', until: 1 }
  for (const call of [
    log.retention.trim([{ selector: '**', maxCount: 1 }], 0),
    log.retention.purge('a'),
    log.shared.note(note),
  ]) {
    expect(await rejection(call)).toMatchObject({ code: 'unwritable' })
  }
  renameSync(elsewhere, path)
  const { events } = await log.read({ selectors: ['a'], after: 0, limit: 100, maxBytes: 1_000 })
  expect(events).toHaveLength(10)
  expect(await log.shared.note({ key: 'once', until: Date.now() + 1_000 })).toBe(true)
})

test('the successor of a thread does not begin a new log where the file was moved away', async () => {
  await log.close()
  const elsewhere = join(dir.path, 'backup.db')
  renameSync(path, elsewhere)
  const start = Thread.start<Writer>(WORKER, { role: 'writer', path, inode: 1 }, () => {})
  expect(await rejection(start)).toMatchObject({ code: 'unwritable' })
  renameSync(elsewhere, path)
  log = await openSqliteLog({ path })
  expect((await log.describe()).newest).toBe(10)
})

test('of a commit whose writer dies nobody says that it was not stored', async () => {
  await log.close()
  const writer = await Thread.start<Writer>(WORKER, { role: 'writer', path }, () => {})
  const commit = writer.call('commit', packBatches([[{ topic: 'a', data: 'x' }]], 0))
  await writer.stop()
  expect(await rejection(commit)).toMatchObject({ code: 'outcome-unknown' })
})
