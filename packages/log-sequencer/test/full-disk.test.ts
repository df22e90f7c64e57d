import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { LogError, type StoredEvent } from '@tailrace/log'
import { openSequencedLog } from '@tailrace/log-sequencer'
import { rejection } from '@tailrace/log-suite'
import { mountSmallDisk, needs } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'
import { allOf, useLogs } from './logs.ts'
import { MemorySequence } from './memory-sequencer.ts'

const logs = useLogs()

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

describe.skipIf(!needs('mount'))('a node whose disk is full', () => {
  test('is not ready, says why, and misses nothing once there is room again', async () => {
    using disk = mountSmallDisk(8 * 2 ** 20)!
    const filler = join(disk.path, 'filler')
    const sequence = new MemorySequence()
    const { connect } = sequence.link()
    const log = await openSequencedLog({ connect, index: join(disk.path, 'full.index') })
    const other = await logs.open(sequence)
    const reported: StoredEvent[] = []
    const interruptions: string[] = []
    await log.tail({
      events: (events) => reported.push(...events),
      purged() {},
      lost() {},
      interrupted: ({ code }) => interruptions.push(code),
      resumed: () => interruptions.push('resumed'),
      failed: ({ code }) => interruptions.push(`failed: ${code}`),
    })
    fill(filler)
    const data = 'x'.repeat(20_000)
    for (let i = 0; i < 100; i += 1) await other.append([{ topic: 'a', data: `${i} ${data}` }])
    await expect.poll(() => interruptions).toEqual(['full'])
    expect(await rejection(log.append([{ topic: 'a', data: '' }]))).toMatchObject({ code: 'full' })
    const error = await rejection(log.ready())
    expect(LogError.is(error) && error.message).toContain(join(disk.path, 'full.index'))
    rmSync(filler)
    await expect.poll(() => interruptions).toEqual(['full', 'resumed'])
    await expect.poll(() => reported.length).toBe(100)
    expect(reported).toEqual(await allOf(other, 'read'))
    await log.append([{ topic: 'a', data: '' }])
    await log.close()
  })
})
