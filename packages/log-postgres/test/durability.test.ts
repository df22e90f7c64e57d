import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'

import { openPostgresLog } from '@tailrace/log-postgres'
import { rejection } from '@tailrace/log-suite'
import { mountSmallDisk, needs } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'

import { connect, useServer } from './server.ts'
import { readEverything } from './tail.ts'

const postgres = needs('postgres')
const mount = needs('mount')

describe.skipIf(!postgres)('a server with default settings', () => {
  // Nothing is flushed by chance.
  const engine = useServer({ fsync: true, settings: { wal_writer_delay: '10s' } })

  async function warningsOf(url: string): Promise<string[]> {
    const warnings: string[] = []
    const log = await openPostgresLog({ url, warn: (sentence) => warnings.push(sentence) })
    await log.close()
    return warnings
  }

  test('is durable', async () => {
    const url = engine.nextUrl()
    expect(await warningsOf(url)).toEqual([])
    const log = await openPostgresLog({ url, requireDurable: true })
    await log.ready()
    await log.close()
  })

  test('is not durable with tables that a crash empties', async () => {
    const url = engine.nextUrl()
    await warningsOf(url)
    await using app = await connect(url)
    await app.run('ALTER TABLE tailrace.answers SET UNLOGGED')
    expect(await warningsOf(url)).toEqual([expect.stringContaining('unlogged (answers)')])
    expect(await rejection(openPostgresLog({ url, requireDurable: true }))).toMatchObject({
      code: 'not-durable',
    })
  })

  test('waits for the disk though the server would not', async () => {
    const url = engine.nextUrl()
    await engine.server.query('ALTER ROLE postgres SET synchronous_commit = off')
    const log = await openPostgresLog({ url, requireDurable: true })
    const before = await engine.server.query('SELECT pg_current_wal_insert_lsn()')
    await log.append([{ topic: 'a', data: '' }])
    expect(await engine.server.query(`SELECT pg_current_wal_flush_lsn() > '${before}'`)).toBe('t')
    await engine.server.query('ALTER ROLE postgres RESET synchronous_commit')
    await log.close()
  })

  test.skipIf(!mount)('says that its disk is full, and goes on once there is room', async () => {
    using disk = mountSmallDisk(4 * 2 ** 20)!
    execFileSync('chown', ['postgres', disk.path])
    const url = engine.nextUrl()
    const log = await openPostgresLog({ url })
    await using app = await connect(url)
    await app.run(`CREATE TABLESPACE small LOCATION '${disk.path}'`)
    await app.run('ALTER TABLE tailrace.events SET TABLESPACE small')
    // Does not compress.
    const data = randomBytes(1_000).toString('hex')
    const batch = Array.from({ length: 100 }, (_, i) => ({ topic: 'a', data: `${i}${data}` }))
    let stored = 0
    const error = await rejection(
      (async () => {
        for (; stored < 100; stored += 1) await log.append(batch)
      })(),
    )
    expect(error).toMatchObject({ code: 'full', message: expect.stringContaining('Make room') })
    expect(await readEverything(log)).toHaveLength(stored * 100)
    await app.run('ALTER TABLE tailrace.events SET TABLESPACE pg_default')
    await log.append(batch)
    await app.run('DROP TABLESPACE small')
    await log.close()
  })
})

describe.skipIf(!postgres)('a server that trades durability for speed', () => {
  const engine = useServer({ fsync: false, settings: { full_page_writes: 'off' } })

  test('is used with a warning for each setting, once, or refused', async () => {
    const url = engine.nextUrl()
    const warnings: string[] = []
    const log = await openPostgresLog({ url, warn: (sentence) => warnings.push(sentence) })
    const expected = [
      expect.stringContaining('fsync = off'),
      expect.stringContaining('full_page_writes = off'),
    ]
    expect(warnings).toEqual(expected)
    await using app = await connect(url)
    await app.run(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tailrace'`,
    )
    await expect.poll(() => log.ready().then(() => 'ready', String)).toBe('ready')
    expect(warnings).toEqual(expected)
    await log.close()
    const error = await rejection(openPostgresLog({ url, requireDurable: true }))
    expect(error).toMatchObject({ code: 'not-durable', details: { hazards: 2 } })
  })
})
