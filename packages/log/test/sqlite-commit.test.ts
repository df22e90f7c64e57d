import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'

import { LogError, openSqliteLog } from '@tailrace/log'
import { runCli, tempDir } from '@tailrace/testkit'
import { rejection } from '@tailrace/log-suite'
import { describe, expect, test } from 'vitest'

const STARVE_READER = fileURLToPath(new URL('./programs/starve-reader.ts', import.meta.url))
const everything = { selectors: ['**'], after: 0, limit: 100_000, maxBytes: 2 ** 30 }

/**
 * The commits in a write-ahead log that was never folded back. The last frame of each, and no other, carries
 * the size of the database (https://www.sqlite.org/fileformat.html#walformat).
 */
function commitsIn(path: string): number {
  const wal = readFileSync(`${path}-wal`)
  const pageSize = wal.readUInt32BE(8)
  let commits = 0
  for (let frame = 32; frame < wal.length; frame += 24 + pageSize) {
    if (wal.readUInt32BE(frame + 4) > 0) commits += 1
  }
  return commits
}

/** When the first commit is under way. Only microtasks run until then: nothing that arrives meanwhile is handled. */
async function endOfTurn(): Promise<void> {
  await Promise.resolve()
}

describe('group commit', () => {
  test('takes everything that is appended in one turn into one', async () => {
    using dir = tempDir()
    const path = join(dir.path, 'log.db')
    const log = await openSqliteLog({ path })
    const before = commitsIn(path)
    await Promise.all(Array.from({ length: 64 }, (_, i) => log.append([{ topic: 'a', data: `${i}` }])))
    expect(commitsIn(path) - before).toBe(1)
    await log.close()
  })

  test('takes everything that is appended while a commit is under way into the next', async () => {
    using dir = tempDir()
    const path = join(dir.path, 'log.db')
    const log = await openSqliteLog({ path })
    const before = commitsIn(path)
    // The first commit ends only after everything was appended.
    const other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    const first = log.append([{ topic: 'a', data: 'first' }])
    await endOfTurn()
    const appended = Array.from({ length: 63 }, (_, i) => log.append([{ topic: 'a', data: `${i}` }]))
    other.exec('ROLLBACK')
    await Promise.all([first, ...appended])
    expect(commitsIn(path) - before).toBeLessThanOrEqual(2)
    other.close()
    await log.close()
  })

  test('does not wait for the thread that appends, which is busy with more', async () => {
    using dir = tempDir()
    const path = join(dir.path, 'log.db')
    const log = await openSqliteLog({ path })
    const other = new DatabaseSync(path, { readOnly: true })
    const count = other.prepare('SELECT count(*) AS events FROM events')
    const told: number[] = []
    await log.tail({
      events: (events) => told.push(events.length),
      purged() {},
      lost() {},
      interrupted() {},
      resumed() {},
      failed() {},
    })
    const first = log.append([{ topic: 'a', data: 'first' }])
    await endOfTurn()
    const appended = Array.from({ length: 63 }, (_, i) => log.append([{ topic: 'a', data: `${i}` }]))
    while (count.get()!['events'] !== 64);
    expect(told).toEqual([])
    await Promise.all([first, ...appended])
    expect(told.reduce((sum, events) => sum + events)).toBe(64)
    other.close()
    await log.close()
  })

  test('stores a group in the order in which it was appended', async () => {
    using dir = tempDir()
    const log = await openSqliteLog({ path: join(dir.path, 'log.db') })
    await Promise.all(Array.from({ length: 64 }, (_, i) => log.append([{ topic: `${i % 5}`, data: `${i}` }])))
    const { events } = await log.read(everything)
    expect(events.map(({ offset, data }) => [offset, data])).toEqual(
      Array.from({ length: 64 }, (_, i) => [i + 1, `${i}`]),
    )
    await log.close()
  })
})

describe('a batch that shares a commit with others', () => {
  test('is refused alone, and one without events stores nothing', async () => {
    using dir = tempDir()
    const log = await openSqliteLog({ path: join(dir.path, 'log.db') })
    await log.append([{ topic: 'ended', data: '', end: true }])
    const twice = { topic: 'a', data: 'once', idempotencyKey: 'k' }
    const settled = await Promise.allSettled([
      log.append([{ topic: 'a', data: '1' }]),
      log.append([]),
      log.append([{ topic: 'ended', data: 'refused' }]),
      log.append([{ topic: 'a', data: '2' }, twice]),
      log.append([twice]),
    ])
    expect(
      settled.map((one) => (one.status === 'fulfilled' ? one.value : (one.reason as LogError).code)),
    ).toEqual([
      [{ offset: 2, duplicate: false }],
      [],
      'topic-ended',
      [
        { offset: 3, duplicate: false },
        { offset: 4, duplicate: false },
      ],
      [{ offset: 4, duplicate: true }],
    ])
    await log.close()
  })
})

describe('what waits for its commit', () => {
  test('is bounded: beyond the bound a publisher is told at once, and nothing of its batch is stored', async () => {
    using dir = tempDir()
    const log = await openSqliteLog({ path: join(dir.path, 'log.db'), maxPendingLength: 10_000 })
    const told: string[] = []
    await log.tail({
      events: (events) => told.push(...events.map(({ data }) => data[0]!)),
      purged: () => {},
      lost() {},
      interrupted: () => {},
      resumed: () => {},
      failed: () => {},
    })
    const publish = (data: string): Promise<unknown> => log.append([{ topic: 'a', data: data.repeat(5000) }])
    const [underWay, waiting] = [publish('1'), publish('2')]
    expect(await rejection(publish('3'))).toMatchObject({ code: 'busy' })
    await Promise.all([underWay, waiting])
    await publish('4')
    const { events } = await log.read(everything)
    expect(events.map(({ data }) => data[0])).toEqual(['1', '2', '4'])
    expect(told).toEqual(['1', '2', '4'])
    await log.close()
  })

  test('is bounded in events without data', async () => {
    using dir = tempDir()
    const log = await openSqliteLog({ path: join(dir.path, 'log.db'), maxPendingLength: 100_000 })
    const settled = await Promise.allSettled(
      Array.from({ length: 1000 }, () => log.append([{ topic: 'a', data: '' }])),
    )
    const refused = settled.filter(({ status }) => status === 'rejected')
    expect(refused.length).toBeGreaterThan(500)
    expect((await log.read(everything)).events).toHaveLength(1000 - refused.length)
    await log.close()
  })

  test('takes one batch that is larger than the bound', async () => {
    using dir = tempDir()
    const log = await openSqliteLog({ path: join(dir.path, 'log.db'), maxPendingLength: 10 })
    expect(await log.append([{ topic: 'a', data: 'x'.repeat(1000) }])).toHaveLength(1)
    await log.close()
  })
})

describe('the death of a thread', () => {
  test('is an error for all who wait for it, and another takes its place', async () => {
    using dir = tempDir()
    const path = join(dir.path, 'log.db')
    // A page of 250 MiB does not fit a heap of 96: V8 ends the thread, as it would in production.
    const { stdout, stderr } = await runCli([path], {
      main: STARVE_READER,
      env: { NODE_OPTIONS: '--max-old-space-size=96' },
    })
    const outcome: unknown = stdout === '' ? stderr : JSON.parse(stdout)
    expect(outcome).toEqual({
      read: 'unreachable',
      ready: 'unreachable',
      // The writer is another thread.
      append: 'fine',
      interruptions: ['unreachable', 'resumed'],
      failures: [],
      last: 'after',
      events: 1,
      recovered: true,
    })
    const log = await openSqliteLog({ path })
    expect((await log.describe()).newest).toBe(251)
    await log.close()
  })

  test('in the middle of appends rejects each, unless it was acknowledged; what it stored is reported once', async () => {
    using dir = tempDir()
    const path = join(dir.path, 'log.db')
    const log = await openSqliteLog({ path })
    const told: string[] = []
    const resumed = Promise.withResolvers<void>()
    await log.tail({
      events: (events) => told.push(...events.map(({ data }) => data)),
      purged() {},
      lost() {},
      interrupted() {},
      resumed: resumed.resolve,
      failed() {},
    })
    await log.append([{ topic: 'a', data: 'before' }])
    breakDescriptor(`${path}-mark`)
    const settled = await Promise.allSettled(
      Array.from({ length: 64 }, (_, i) => log.append([{ topic: 'a', data: `${i}` }])),
    )
    const codes = settled.map((one) =>
      one.status === 'rejected' && LogError.is(one.reason) ? one.reason.code : one.status,
    )
    // The first was committed, and the mark of its commit could not be written.
    expect(codes[0]).toBe('outcome-unknown')
    expect(codes.filter((code) => code !== 'outcome-unknown' && code !== 'unreachable')).toEqual([])
    await resumed.promise
    await log.append([{ topic: 'a', data: 'after' }])
    const stored = (await log.read(everything)).events.map(({ data }) => data)
    expect(stored.slice(0, 2)).toEqual(['before', '0'])
    expect(told).toEqual(stored)
    await log.close()
  })
})

/** Makes a file that this process has open fail with each write: its descriptor now belongs to one that is only read. */
function breakDescriptor(path: string): void {
  const isOf = (descriptor: string): boolean => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`) === path
    } catch {
      return false
    }
  }
  const descriptor = Number(readdirSync('/proc/self/fd').find(isOf))
  closeSync(descriptor)
  while (openSync('/dev/null', 'r') !== descriptor);
}
