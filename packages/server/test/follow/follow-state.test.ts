import { readFileSync, writeFileSync } from 'node:fs'
import { mountDiskImage, needs, runCli } from '@tailrace/testkit'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadState, saveState } from '../../src/follow/state.ts'
import type { State } from '../../src/follow/state.ts'
import { startBench, TOPIC } from './follower.ts'

test('a state that is not whole is refused in words', async () => {
  await using bench = await startBench()
  const { file } = bench
  writeFileSync(file, 'one\n')
  const follower = bench.follow()
  await bench.expectPublished(['one'])
  await follower.kill()
  const whole = JSON.parse(readFileSync(`${file}.tailrace`, 'utf8')) as Record<string, unknown>
  const broken: unknown[] = [
    { version: 1, topic: TOPIC },
    { ...whole, offset: '4' },
    { ...whole, prints: [] },
    { ...whole, prints: [{ offset: 0, length: -1, sha256: 'x' }] },
    { ...whole, file: { dev: 'sda', ino: '1', birth: '1', mtime: '1' } },
    { ...whole, known: { left: [{ offset: 4 }], compressed: [] } },
    null,
  ]
  for (const state of broken) {
    writeFileSync(`${file}.tailrace`, JSON.stringify(state))
    expect(await runCli(['publish', TOPIC, '--follow', file, '--url', bench.hub.url])).toMatchObject({
      code: 1,
      stderr:
        `tailrace: ${file}.tailrace is not a state file of --follow: ` +
        'choose another with --state, or delete it to start from the beginning\n',
    })
  }
})

test.skipIf(!needs('ext4'))('a state that was saved is there after a power cut', async () => {
  using disk = mountDiskImage(8 * 2 ** 20)!
  const place = (offset: number): State['place'] => ({
    generation: 'g',
    file: { dev: '1', ino: '2', birth: '3', mtime: '4' },
    prints: [{ offset: 0, length: 1, sha256: 'x' }],
    offset,
    isSkipping: false,
  })
  const known = { left: [], compressed: [] }
  for (const offset of [1, 2]) {
    await saveState(join(disk.path, 'state'), { topic: TOPIC, place: place(offset), known })
    using after = disk.copy()
    expect((await loadState(join(after.path, 'state'), TOPIC))?.place.offset).toBe(offset)
  }
})
