import { appendFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runCli } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { readTopic } from '../support/audit.ts'
import { startBench, TOPIC } from './follower.ts'

test('lines come in order, those that are there and those that come; a partial line waits for its end', async () => {
  await using bench = await startBench()
  const many = Array.from({ length: 1200 }, (_, i) => `line ${i}`)
  writeFileSync(bench.file, `${many.join('\n')}\r\n\n\r\npart`)
  const follower = bench.follow()
  await bench.expectPublished(many)
  appendFileSync(bench.file, 'ial, ')
  appendFileSync(bench.file, 'mended\nlast\n')
  await bench.expectPublished([...many, 'partial, mended', 'last'])
  expect(await follower.kill()).toEqual({ code: 0, signal: null })
  expect(follower.output()).toBe('')
})

test('a restart publishes nothing twice and misses nothing', async () => {
  await using bench = await startBench()
  writeFileSync(bench.file, 'one\ntwo\nthr')
  const first = bench.follow()
  await bench.expectPublished(['one', 'two'])
  await first.kill()
  appendFileSync(bench.file, 'ee\nfour\n')
  const second = bench.follow()
  await bench.expectPublished(['one', 'two', 'three', 'four'])
  expect(first.output() + second.output()).toBe('')
})

test('lines that were acknowledged, but not noted any more, are not published again', async () => {
  await using bench = await startBench()
  const state = join(bench.folder, 'place.json')
  writeFileSync(bench.file, 'one\n')
  const first = bench.follow(['--state', state])
  await bench.expectPublished(['one'])
  await first.kill()
  const noted = readFileSync(state, 'utf8')
  appendFileSync(bench.file, 'two\nthree\n')
  const second = bench.follow(['--state', state])
  await bench.expectPublished(['one', 'two', 'three'])
  await second.kill()

  writeFileSync(state, noted)
  appendFileSync(bench.file, 'four\n')
  const third = bench.follow(['--state', state])
  await bench.expectPublished(['one', 'two', 'three', 'four'])
  expect(third.output()).toBe('')
})

test('a file that does not exist yet is waited for', async () => {
  await using bench = await startBench()
  const follower = bench.follow()
  await expect
    .poll(() => follower.output(), { timeout: 10_000 })
    .toBe(`tailrace: ${bench.file} does not exist yet: waiting for it\n`)
  writeFileSync(bench.file, 'first\n')
  await bench.expectPublished(['first'])
})

test('every line has the type that was asked for', async () => {
  await using bench = await startBench()
  writeFileSync(bench.file, 'one\n')
  bench.follow(['--type', 'log'])
  await bench.expectPublished(['one'])
  expect(await readTopic(bench.hub.url, TOPIC)).toMatchObject([{ type: 'log' }])
})

test('bytes that are not UTF-8 become U+FFFD, and NUL and CR inside a line are kept', async () => {
  await using bench = await startBench()
  writeFileSync(bench.file, Buffer.from([0x61, 0xff, 0x62, 0xc3, 0x0a, 0xc3, 0xa9, 0x00, 0x0d, 0x78, 0x0a]))
  const follower = bench.follow()
  await bench.expectPublished(['a\u{fffd}b\u{fffd}', 'é\0\rx'])
  expect(follower.output()).toBe('')
})

test('a line that is too long is skipped with a notice, also when it only ends in the next life', async () => {
  await using bench = await startBench()
  const longest = 'm'.repeat(1024 * 1024)
  writeFileSync(bench.file, `before\n${longest}\n${'x'.repeat(3_000_000)}\nbetween\n${'y'.repeat(2_000_000)}`)
  const first = bench.follow()
  await expect
    .poll(() => first.output().match(/line at byte \d+: it is longer/g), { timeout: 10_000 })
    .toHaveLength(2)
  expect(first.output()).toContain(
    `the line at byte ${7 + longest.length + 1}: it is longer than 1048576 bytes`,
  )
  await bench.expectPublished(['before', longest, 'between'])
  await expect.poll(() => readFileSync(`${bench.file}.tailrace`, 'utf8')).toContain('"isSkipping":true')
  await first.kill('SIGKILL')
  appendFileSync(bench.file, 'yyy\nafter\n')
  bench.follow()
  await bench.expectPublished(['before', longest, 'between', 'after'])
})

test('the follower can be stopped while it skips gigabytes', async () => {
  await using bench = await startBench()
  const { file } = bench
  const size = 4 * 1024 ** 3
  writeFileSync(file, 'one\n')
  truncateSync(file, size)
  const follower = bench.follow()
  await expect.poll(() => follower.output(), { timeout: 10_000 }).toMatch(/is longer than/)
  expect(await follower.kill()).toEqual({ code: 0, signal: null })
  const { offset } = JSON.parse(readFileSync(`${file}.tailrace`, 'utf8')) as { offset: number }
  expect(offset).toBeLessThan(size)
})

test('a state of another topic, or what is no state, is refused in words', async () => {
  await using bench = await startBench()
  writeFileSync(bench.file, 'one\n')
  const first = bench.follow()
  await bench.expectPublished(['one'])
  await first.kill()
  const args = ['--follow', bench.file, '--url', bench.hub.url]
  expect(await runCli(['publish', 'logs/other', ...args])).toMatchObject({
    code: 1,
    stderr: `tailrace: ${bench.file}.tailrace belongs to the topic logs/app: choose another state file with --state\n`,
  })
  const foreign = await runCli(['publish', TOPIC, ...args, '--state', bench.file])
  expect(foreign).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('is not a state file of --follow'),
  })
  expect(readFileSync(bench.file, 'utf8')).toBe('one\n')
  expect(await runCli(['publish', TOPIC, '--follow', bench.folder])).toMatchObject({
    code: 1,
    stderr: `tailrace: ${bench.folder} is not a file\n`,
  })
  expect(await runCli(['publish', TOPIC, ...args, '--end'])).toMatchObject({ code: 64 })
})
