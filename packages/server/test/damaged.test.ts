import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { openSqliteLog } from '@tailrace/log'
import { openStream, startHub, tempDir } from '@tailrace/testkit'
import { expect, test } from 'vitest'

const PAGE = 4096

/** Overwrites the page of a file that holds a text. @returns puts it back */
function damage(path: string, text: string): () => void {
  const content = readFileSync(path)
  const start = Math.floor(content.indexOf(text) / PAGE) * PAGE
  const write = (bytes: Uint8Array): void => {
    const file = openSync(path, 'r+')
    writeSync(file, bytes, 0, PAGE, start)
    closeSync(file)
  }
  write(new Uint8Array(PAGE).fill(0xff))
  return () => write(content.subarray(start, start + PAGE))
}

test('a hub that cannot read a part of its log is not ready, until it can again', async () => {
  using dir = tempDir()
  const path = join(dir.path, 'log.db')
  const log = await openSqliteLog({ path })
  const events = Array.from({ length: 500 }, (_, i) => ({ topic: 't', data: `<${i}> ${'x'.repeat(500)}` }))
  await log.append(events)
  await log.close()
  const repair = damage(path, '<250>')
  await using hub = await startHub({ log: `sqlite:${path}`, args: ['--retry', '10ms'] })
  const ready = async (): Promise<number> => (await fetch(`${hub.url}/readyz`)).status
  expect(await ready()).toBe(200)

  const retries: number[] = []
  for (let i = 0; i < 6; i += 1) {
    const stream = await openStream(`${hub.url}/topics/t?from=start`)
    await stream.ended
    const frames = stream.frames()
    expect(frames.at(-1)).toMatchObject({ event: 'tailrace.error', data: '{"code":"log-unavailable"}' })
    retries.push(Number(frames.findLast(({ retry }) => retry !== undefined)!.retry))
    expect(await ready()).toBe(503)
  }
  // As long as it has been so already, and no more the few milliseconds of `--retry`.
  expect(retries.at(-1)).toBeGreaterThan(15)
  expect(retries.at(-1)).toBeGreaterThan(retries[0]!)
  // Others are served. Whoever runs the hub was told once by the reader, and once by the probe.
  expect((await fetch(`${hub.url}/topics/u`, { method: 'POST', body: 'x' })).status).toBe(201)
  expect(hub.output().match(/code: 'corrupt'/g)!.length).toBeLessThanOrEqual(2)

  repair()
  await expect.poll(ready, { timeout: 10_000 }).toBe(200)
  const stream = await openStream(`${hub.url}/topics/t?from=start`)
  await stream.waitFor((frames) => frames.some(({ event }) => event === 'tailrace.live'))
  expect(stream.frames().filter(({ data }) => data?.startsWith('<'))).toHaveLength(500)
  stream.close()
})
