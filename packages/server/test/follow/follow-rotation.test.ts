import {
  appendFileSync,
  copyFileSync,
  linkSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { expect, test } from 'vitest'
import { startBench, tick } from './follower.ts'

test('a file that is renamed is read to its end, with what is still written to it, before the next', async () => {
  await using bench = await startBench()
  const { file } = bench
  writeFileSync(file, 'a1\n')
  const follower = bench.follow()
  await bench.expectPublished(['a1'])
  renameSync(file, `${file}.1`)
  appendFileSync(`${file}.1`, 'a2\n')
  await bench.expectPublished(['a1', 'a2'])
  // logrotate creates the new file before the writer has let go of the old one.
  writeFileSync(file, '')
  appendFileSync(`${file}.1`, 'a3\na4 without its end')
  await bench.expectPublished(['a1', 'a2', 'a3'])
  appendFileSync(file, 'b1\n')
  await bench.expectPublished(['a1', 'a2', 'a3', 'a4 without its end', 'b1'])
  expect(follower.output()).toBe('')
})

test('every file that was rotated while nobody followed is published, oldest first', async () => {
  await using bench = await startBench()
  const { file } = bench
  writeFileSync(`${file}.1`, 'older than all\n')
  writeFileSync(file, 'a1\n')
  const first = bench.follow()
  await bench.expectPublished(['a1'])
  await first.kill('SIGKILL')
  appendFileSync(file, 'a2\n')
  renameSync(`${file}.1`, `${file}.4`)
  renameSync(file, `${file}.3`)
  await tick(file)
  writeFileSync(`${file}.2`, 'b1\nb2\n')
  await tick(file)
  writeFileSync(`${file}.1`, 'c1\n')
  await tick(file)
  writeFileSync(file, 'd1\n')
  const second = bench.follow()
  await bench.expectPublished(['a1', 'a2', 'b1', 'b2', 'c1', 'd1'])
  expect(second.output()).toBe('')
})

test('a file that is gone is told of, and the next one is begun', async () => {
  await using bench = await startBench()
  const { file } = bench
  writeFileSync(file, 'a1\n')
  const first = bench.follow()
  await bench.expectPublished(['a1'])
  await first.kill()
  rmSync(file)
  writeFileSync(file, 'b1\n')
  const second = bench.follow()
  await bench.expectPublished(['a1', 'b1'])
  expect(second.output()).toMatch(/deleted or truncated: lines may be missing/)
})

test('copytruncate loses nothing that is in the copy, while following and while nobody does', async () => {
  await using bench = await startBench()
  const { file } = bench
  writeFileSync(file, 'a1\na2\n')
  const first = bench.follow()
  await bench.expectPublished(['a1', 'a2'])
  copyFileSync(file, `${file}.1`)
  truncateSync(file)
  appendFileSync(file, 'b1\n')
  await bench.expectPublished(['a1', 'a2', 'b1'])
  await first.kill()
  appendFileSync(file, 'b2\n')
  renameSync(`${file}.1`, `${file}.2`)
  copyFileSync(file, `${file}.1`)
  truncateSync(file)
  // Longer than the old file was: its size tells nothing.
  appendFileSync(file, 'c1 is longer than all that was there before\n')
  const second = bench.follow()
  await bench.expectPublished(['a1', 'a2', 'b1', 'b2', 'c1 is longer than all that was there before'])
  expect(first.output() + second.output()).toBe('')
})

test('a file that is emptied without a copy is begun again, with a notice', async () => {
  await using bench = await startBench()
  writeFileSync(bench.file, 'a1\na2\n')
  const follower = bench.follow()
  await bench.expectPublished(['a1', 'a2'])
  writeFileSync(bench.file, '')
  await expect.poll(() => follower.output()).toMatch(/lines may be missing/)
  appendFileSync(bench.file, 'a1\n')
  await bench.expectPublished(['a1', 'a2', 'a1'])
})

test('a line that only begins as the last one did is published whole, after a truncation', async () => {
  await using bench = await startBench()
  const { file } = bench
  writeFileSync(file, 'tick\n')
  const first = bench.follow()
  await bench.expectPublished(['tick'])
  await first.kill()
  copyFileSync(file, `${file}.1`)
  writeFileSync(file, 'ticket 7 sold\nmore\n')
  const second = bench.follow()
  await bench.expectPublished(['tick', 'ticket 7 sold', 'more'])
  await second.kill()

  const long = 'x'.repeat(2000)
  appendFileSync(file, `${long}\n`)
  const third = bench.follow()
  await bench.expectPublished(['tick', 'ticket 7 sold', 'more', long])
  await third.kill()
  renameSync(`${file}.1`, `${file}.2`)
  copyFileSync(file, `${file}.1`)
  writeFileSync(file, `ticket 7 sold\nmore\n${long} is not all\n`)
  const fourth = bench.follow()
  const again = ['ticket 7 sold', 'more', `${long} is not all`]
  await bench.expectPublished(['tick', 'ticket 7 sold', 'more', long, ...again])
  expect(first.output() + second.output() + third.output() + fourth.output()).toBe('')
})

test('an inode that is used again is not taken for the file that had it', async () => {
  await using bench = await startBench()
  const { file } = bench
  writeFileSync(file, 'a1\na2\n')
  const first = bench.follow()
  await bench.expectPublished(['a1', 'a2'])
  await first.kill()
  // Written over through a second name: the same inode, whether or not the kernel would have reused it.
  linkSync(file, `${file}.inode`)
  rmSync(file)
  writeFileSync(`${file}.inode`, 'b1\nb2\nb3\n')
  renameSync(`${file}.inode`, file)
  const { ino } = JSON.parse(readFileSync(`${file}.tailrace`, 'utf8')).file as { ino: string }
  expect(String(statSync(file, { bigint: true }).ino)).toBe(ino)
  bench.follow()
  await bench.expectPublished(['a1', 'a2', 'b1', 'b2', 'b3'])
})

test('a compressed rotation that nobody read is told of', async () => {
  await using bench = await startBench()
  const { file } = bench
  writeFileSync(file, 'a1\n')
  const first = bench.follow()
  await bench.expectPublished(['a1'])
  await first.kill()
  renameSync(file, `${file}.2`)
  await tick(file)
  writeFileSync(`${file}.1.gz`, 'no text')
  writeFileSync(file, 'c1\n')
  const second = bench.follow()
  await bench.expectPublished(['a1', 'c1'])
  expect(second.output()).toContain(`${file}.1.gz is compressed: its lines are not published`)
})
