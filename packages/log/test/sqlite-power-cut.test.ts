import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { openSqliteLog } from '@tailrace/log'
import { createRandom, mountDiskImage, needs, spawnCli, testSeed } from '@tailrace/testkit'
import { expect, test } from 'vitest'

import { killAfter, PUBLISH_UNTIL_KILLED, wholeBatches } from './batches.ts'

const ROUNDS = 10
const MAX_LINES_A_ROUND = 80
const PAGE_BYTES = 4096
const DISK_BYTES = 48 * 2 ** 20

/**
 * What this models: the power goes while eight publishers are at it. What the disk was given is there; what
 * only the kernel's cache has is gone, which a kill (`sqlite-crash.test.ts`) never shows. The log lies on an
 * ext4 of its own in a file; at a random moment the publishers are stopped where they are, and the file is
 * copied: what had reached the device at one instant. (Copies of the log's files would be none: they show the
 * cache, and a checkpoint between two of them mixes two moments.) The copy is mounted, which replays ext4's
 * journal, and opened as a log.
 *
 * What it does not model: a disk that loses or reorders what it was given and not told to flush (here all of
 * it counts as kept), a sector that is torn, and the middle of a call of fsync, which a stopped thread ends.
 */
test.skipIf(!needs('ext4'))(
  `keeps whatever it acknowledged over ${ROUNDS} power cuts`,
  { timeout: 60_000 },
  async () => {
    const seed = testSeed()
    const random = createRandom(seed)
    using disk = mountDiskImage(DISK_BYTES)!
    const path = join(disk.path, 'log.db')
    const acknowledged = new Map<string, number[]>()
    let epoch: string | undefined
    for (let round = 0; round < ROUNDS; round += 1) {
      let after: ReturnType<typeof disk.copy> | undefined
      await using child = spawnCli([path, `${round}`], { main: PUBLISH_UNTIL_KILLED })
      const lines = await killAfter(child, random.int(1, MAX_LINES_A_ROUND), () => {
        process.kill(child.pid, 'SIGSTOP')
        after = disk.copy()
      })
      // Stopped before the copy, it has acknowledged nothing since that the copy need not have.
      for (const [batch, offsets] of lines) acknowledged.set(batch, offsets)

      using copy = after!
      const log = await openSqliteLog({ path: join(copy.path, 'log.db') })
      // What the disk has of the mark beside the log may be of any moment, and is no reason for another epoch.
      epoch ??= (await log.describe()).epoch
      expect((await log.describe()).epoch, `TAILRACE_SEED=${seed}, round ${round}`).toBe(epoch)
      const { events } = await log.read({ selectors: ['**'], after: 0, limit: 1_000_000, maxBytes: 2 ** 40 })
      await log.append([{ topic: 'after', data: 'it goes on' }])
      await log.close()
      const offsets = events.map(({ offset }) => offset)
      expect(offsets, `TAILRACE_SEED=${seed}`).toEqual([...new Set(offsets)].toSorted((a, b) => a - b))
      // In one piece, once, and where they were acknowledged to be.
      const stored = wholeBatches(events)
      const kept = [...acknowledged.keys()].map((batch) => [batch, stored.get(batch)])
      expect(kept, `TAILRACE_SEED=${seed}, round ${round}`).toEqual([...acknowledged])
    }
    expect(acknowledged.size).toBeGreaterThan(ROUNDS)
  },
)

test.skipIf(!needs('ext4'))('keeps it in a write-ahead log with zeros after its end', async () => {
  using disk = mountDiskImage(DISK_BYTES)!
  const log = await openSqliteLog({ path: join(disk.path, 'log.db') })
  for (let count = 1; count <= 20; count += 1) await log.append([{ topic: 'a', data: `${count}` }])
  for (const count of [20, 21]) {
    using copy = disk.copy()
    const end = readFileSync(join(copy.path, 'log.db-wal')).subarray(-PAGE_BYTES)
    expect(end.equals(Buffer.alloc(PAGE_BYTES))).toBe(true)
    const after = await openSqliteLog({ path: join(copy.path, 'log.db') })
    expect((await after.describe()).newest).toBe(count)
    await after.close()
    await log.append([{ topic: 'a', data: `${count + 1}` }])
  }
  await log.close()
})
