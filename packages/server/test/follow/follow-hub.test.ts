import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { spawnCli, startHub, tempDir } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { publishTo, readTopic } from '../support/audit.ts'
import { startBench, TOPIC } from './follower.ts'

test('a hub that is down at the start, and again in the middle, is waited for', async () => {
  using dir = tempDir()
  const file = join(dir.path, 'app.log')
  const log = `sqlite:${dir.path}/log.db`
  const placeholder = await startHub()
  const { port, url } = placeholder
  await placeholder.kill()

  writeFileSync(file, 'one\n')
  await using follower = spawnCli(['publish', TOPIC, '--follow', file, '--url', url])
  await expect
    .poll(() => follower.output(), { timeout: 10_000 })
    .toMatch(/^tailrace: http:\S+ cannot be reached \(.*ECONNREFUSED.*\); retrying until it succeeds\n$/)
  const published = async (): Promise<string[]> => (await readTopic(url, TOPIC)).map(({ data }) => data)
  {
    await using hub = await startHub({ port, log })
    expect(hub.url).toBe(url)
    await expect.poll(published, { timeout: 10_000 }).toEqual(['one'])
    await expect.poll(() => follower.output()).toMatch(/publishing again\n$/)
  }
  appendFileSync(file, 'two\nthree\n')
  await expect.poll(() => follower.output().match(/cannot be reached/g)).toHaveLength(2)
  await using hub = await startHub({ port, log })
  expect(hub.url).toBe(url)
  await expect.poll(published, { timeout: 20_000 }).toEqual(['one', 'two', 'three'])
})

test('an ended topic ends the command with the words of the hub', async () => {
  await using bench = await startBench()
  writeFileSync(bench.file, 'one\n')
  const follower = bench.follow()
  await bench.expectPublished(['one'])
  await publishTo(bench.hub.url, TOPIC, 'the end', { 'Event-End': 'true' })
  appendFileSync(bench.file, 'two\n')
  expect(await follower.exited).toEqual({ code: 1, signal: null })
  expect(follower.output()).toMatch(/the hub answered 409: .*The topic logs\/app has ended/)
})

test('a topic that cannot be ends the command', async () => {
  await using bench = await startBench()
  writeFileSync(bench.file, 'one\n')
  await using follower = spawnCli(['publish', 'a//b', '--follow', bench.file, '--url', bench.hub.url])
  expect(await follower.exited).toEqual({ code: 1, signal: null })
  expect(follower.output()).toMatch(/the hub answered 400: The topic has an empty segment/)
})

test('a hub with smaller limits gets smaller batches; the line that is too large for it is skipped', async () => {
  await using bench = await startBench({ args: ['--max-event', '1KiB', '--max-batch', '8KiB'] })
  const lines = Array.from({ length: 100 }, (_, i) => `${i} ${'x'.repeat(i === 70 ? 2000 : 300)}`)
  writeFileSync(bench.file, `${lines.join('\n')}\n`)
  const follower = bench.follow()
  await bench.expectPublished(lines.toSpliced(70, 1))
  const offset = lines.slice(0, 70).reduce((sum, line) => sum + line.length + 1, 0)
  expect(follower.output()).toContain(`skipping the line at byte ${offset}: the hub answered 413`)
})
