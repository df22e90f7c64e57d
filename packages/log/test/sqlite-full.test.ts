import { closeSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'

import { openSqliteLog, type CompleteEventLog, type NewEvent, type StoredEvent } from '@tailrace/log'
import { mountSmallDisk, needs } from '@tailrace/testkit'
import { rejection } from '@tailrace/log-suite'
import { describe, expect, test } from 'vitest'

const everything = { selectors: ['**'], after: 0, limit: 100_000, maxBytes: 2 ** 30 }
const DATA = 'x'.repeat(20_000)
const HISTORY = {}

/** Takes every byte that is left. */
function fill(path: string): void {
  const file = openSync(path, 'w')
  try {
    for (;;) writeSync(file, Buffer.alloc(4096))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  } finally {
    closeSync(file)
  }
}

async function readyForever(log: CompleteEventLog): Promise<never> {
  for (;;) await log.ready()
}

describe.skipIf(!needs('mount'))('a log on a disk that is full', () => {
  test('refuses what it cannot store, shows it to nobody, and goes on when there is space', async () => {
    using disk = mountSmallDisk(6 * 2 ** 20)!
    const [path, filler] = [join(disk.path, 'log.db'), join(disk.path, 'filler')]
    // Half of what it leaves is for the write-ahead log, half for the file that this is folded into at the end.
    writeFileSync(filler, Buffer.alloc(4 * 2 ** 20))
    let log = await openSqliteLog({ path })
    const told: StoredEvent[] = []
    await log.tail({
      events: (events) => told.push(...events),
      purged: () => {},
      lost() {},
      interrupted: () => {},
      resumed: () => {},
      failed: () => {},
    })

    const acknowledged: { offset: number; data: string }[] = []
    async function publish(n: number): Promise<void> {
      const batch = [1, 2].map((i) => ({ topic: `t/${n % 3}`, data: `${n}.${i} ${DATA}`, key: `${n % 4}` }))
      const appended = await log.append(batch)
      for (const [i, { offset }] of appended.entries()) acknowledged.push({ offset, data: batch[i]!.data })
    }
    async function expectAcknowledged(): Promise<void> {
      const { events } = await log.read(everything)
      expect(events.map(({ offset, data }) => ({ offset, data }))).toEqual(
        acknowledged.toSorted((a, b) => a.offset - b.offset),
      )
    }

    async function publishUntilRefused(): Promise<void> {
      const refusals: unknown[] = []
      for (let n = 0; refusals.length === 0; n += 4) {
        const settled = await Promise.allSettled([0, 1, 2, 3].map((i) => publish(n + i)))
        for (const one of settled) if (one.status === 'rejected') refusals.push(one.reason)
      }
      for (const refusal of refusals)
        expect(await rejection(Promise.reject(refusal))).toMatchObject({ code: 'full' })
    }

    await publishUntilRefused()
    expect(acknowledged.length).toBeGreaterThan(10)
    fill(join(disk.path, 'rest'))
    // What the refused commits wrote of the write-ahead log is used again, so that a little still fits.
    await publishUntilRefused()
    expect(await rejection(readyForever(log))).toMatchObject({ code: 'full' })
    await expectAcknowledged()
    expect(told).toEqual((await log.read(everything)).events)

    const refused = { topic: 'new', data: DATA, key: 'k', end: true, idempotencyKey: 'once' }
    expect(await rejection(log.append([refused, { topic: 't/0', data: '' }]))).toMatchObject({ code: 'full' })

    rmSync(filler)
    await log.ready()
    expect(await log.topics.ended(['new'])).toEqual([undefined])
    for (const data of ['1', '2']) {
      const [appended] = await log.append([{ topic: 'new', data, idempotencyKey: `once ${data}` }])
      acknowledged.push({ offset: appended!.offset, data })
    }
    const page = await log.read({ ...everything, selectors: ['new'] })
    expect(page.events.map(({ data }) => data)).toEqual(['1', '2'])
    for (let n = 2000; n < 2010; n += 1) await publish(n)
    await expectAcknowledged()
    expect(told).toEqual((await log.read(everything)).events)

    await log.close()
    log = await openSqliteLog({ path })
    await expectAcknowledged()
    await log.close()
  })

  test.each([
    ['history', HISTORY],
    ['idempotency keys', { idempotencyKey: true }],
    ['newest events of keys', { key: true }],
  ] as [string, object][])(
    'of %s gets room by retention, also after a restart, and takes publishes again',
    async (_, names) => {
      using disk = mountSmallDisk(12 * 2 ** 20)!
      const path = join(disk.path, 'log.db')
      const rules = [{ selector: '**', maxBytes: 20_000 }]
      let log = await openSqliteLog({ path })
      await log.retention.trim(rules, Date.now())
      let count = 0
      const batchOf = (size: number): NewEvent[] =>
        Array.from({ length: size }, () => {
          count += 1
          const name = `${count}`.padEnd(200)
          const data = names === HISTORY ? DATA : ''
          return {
            topic: `t/${count % 10}`,
            data,
            ...Object.fromEntries(Object.keys(names).map((one) => [one, name])),
          }
        })
      async function publishUntilFull(): Promise<void> {
        const publishForever = async (): Promise<never> => {
          for (;;) await log.append(batchOf(names === HISTORY ? 2 : 50))
        }
        expect(await rejection(publishForever())).toMatchObject({ code: 'full' })
      }

      await publishUntilFull()
      fill(join(disk.path, 'filler'))
      expect(await rejection(log.ready())).toMatchObject({ code: 'full' })
      const { events } = await log.read(everything)
      expect(events.length).toBeGreaterThan(100)
      for (const ending of ['clean', 'full'] as const) {
        await log.close()
        if (ending === 'full') fill(join(disk.path, 'filler 2'))
        log = await openSqliteLog({ path })
        expect((await log.read(everything)).events).toHaveLength(events.length)
        expect(await rejection(log.append(batchOf(1)))).toMatchObject({ code: 'full' })
        expect(await rejection(log.ready())).toMatchObject({ code: 'full' })
      }

      for (let done = false; !done;) ({ done } = await log.retention.trim(rules, Date.now()))
      await log.ready()
      await log.append(batchOf(1))
      // Whatever is published, retention keeps up with it on what there is.
      for (let round = 0; round < 20; round += 1) {
        for (let batch = 0; batch < 10; batch += 1) await log.append(batchOf(names === HISTORY ? 2 : 50))
        for (let done = false; !done;) ({ done } = await log.retention.trim(rules, Date.now()))
      }
      await log.close()
    },
  )

  test('gives its reserve up for a purge', async () => {
    using disk = mountSmallDisk(12 * 2 ** 20)!
    const log = await openSqliteLog({ path: join(disk.path, 'log.db') })
    const publishForever = async (): Promise<never> => {
      for (;;) await log.append([{ topic: 'a', data: DATA }])
    }
    expect(await rejection(publishForever())).toMatchObject({ code: 'full' })
    expect(await log.retention.purge('a')).toBe(true)
    for (let done = false; !done;) ({ done } = await log.retention.trim([], 0))
    await log.append([{ topic: 'a', data: DATA }])
    await log.close()
  })

  test('cannot be made', async () => {
    using disk = mountSmallDisk(2 ** 20)!
    fill(join(disk.path, 'filler'))
    expect(await rejection(openSqliteLog({ path: join(disk.path, 'log.db') }))).toMatchObject({
      code: 'full',
    })
    rmSync(join(disk.path, 'filler'))
    const log = await openSqliteLog({ path: join(disk.path, 'log.db') })
    await log.append([{ topic: 'a', data: '' }])
    await log.close()
  })
})
