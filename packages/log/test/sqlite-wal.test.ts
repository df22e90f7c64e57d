import { copyFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { openSqliteLog } from '@tailrace/log'
import type { EventLog } from '@tailrace/log'
import { mountSmallDisk, needs, tempDir } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'

import { extendWal } from '../src/sqlite/wal.ts'

const everything = { selectors: ['**'], after: 0, limit: 100_000, maxBytes: 2 ** 30 }

async function publish(log: EventLog, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await log.append([{ topic: 'a', data: `${i}` }])
}

describe('the write-ahead log', () => {
  test('has its full size after a few commits, so that they need not extend it', async () => {
    using dir = tempDir()
    const path = join(dir.path, 'log.db')
    const log = await openSqliteLog({ path })
    const size = (): number => statSync(`${path}-wal`).size
    await publish(log, 20)
    const full = size()
    expect(full).toBeGreaterThan(1000 * 4096)
    // Through a checkpoint, after which it begins again.
    await publish(log, 300)
    expect(size()).toBeLessThan(full + 16 * 4096)
    expect((await log.read(everything)).events).toHaveLength(320)
    await log.close()
  })

  test('of a process that was killed is read up to the zeros after its end', async () => {
    using dir = tempDir()
    const [path, copy] = [join(dir.path, 'log.db'), join(dir.path, 'copy.db')]
    const log = await openSqliteLog({ path })
    await publish(log, 20)
    // As a kill leaves the files.
    for (const end of ['', '-wal', '-mark']) copyFileSync(`${path}${end}`, `${copy}${end}`)
    await log.close()
    const again = await openSqliteLog({ path: copy })
    expect((await again.read(everything)).events).toHaveLength(20)
    await again.append([{ topic: 'a', data: 'after' }])
    expect((await again.read(everything)).events.at(-1)).toMatchObject({ offset: 21, data: 'after' })
    await again.close()
  })

  test('that cannot be extended takes commits as before', async () => {
    using dir = tempDir()
    const path = join(dir.path, 'log.db')
    const log = await openSqliteLog({ path })
    await publish(log, 10)
    // SQLite has it open, and it is not found under its name.
    renameSync(`${path}-wal`, join(dir.path, 'away'))
    await publish(log, 20)
    expect(statSync(join(dir.path, 'away')).size).toBeLessThan(1000 * 4096)
    renameSync(join(dir.path, 'away'), `${path}-wal`)
    await log.close()
    const again = await openSqliteLog({ path })
    expect((await again.read(everything)).events).toHaveLength(30)
    await again.close()
  })

  test.skipIf(!needs('mount'))('leaves a disk that is too small as it was', () => {
    using disk = mountSmallDisk(2 ** 20)!
    const file = join(disk.path, 'log.db')
    writeFileSync(`${file}-wal`, Buffer.alloc(100_000, 1))
    expect(() => extendWal(file, 2 ** 21)).toThrow('ENOSPC')
    expect(statSync(`${file}-wal`).size).toBe(100_000)
    extendWal(file, 2 ** 19)
    expect(statSync(`${file}-wal`).size).toBe(2 ** 19)
    rmSync(`${file}-wal`)
  })
})
