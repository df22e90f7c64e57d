import { openStream, startHub } from '@tailrace/testkit'
import type { StreamReader } from '@tailrace/testkit'
import { expect, test } from 'vitest'

const READERS = 200

async function openMany(url: string): Promise<StreamReader[]> {
  const readers = await Promise.all(Array.from({ length: READERS }, () => openStream(`${url}/topics/t`)))
  for (const reader of readers)
    await reader.waitFor((frames) => frames.some(({ event }) => event === 'tailrace.live'))
  return readers
}

test('a hub that is told to stop drains: readers leave one by one, publishers are served, the log closes clean', async () => {
  await using hub = await startHub({ args: ['--drain', '1s'] })
  const readers = await openMany(hub.url)
  let left = 0
  const ends = readers.map(async (reader) => {
    await reader.ended
    left += 1
    return left
  })
  const exit = hub.kill('SIGTERM')
  await Promise.race(ends)
  // Some have gone and most are still there: this is the middle of it.
  expect(left).toBeLessThan(READERS)
  const ready = await fetch(`${hub.url}/readyz`)
  expect([ready.status, ((await ready.json()) as { code: string }).code]).toEqual([503, 'draining'])
  const published = await fetch(`${hub.url}/topics/t`, { method: 'POST', body: 'meanwhile' })
  expect(published.status).toBe(201)
  const late = await openStream(`${hub.url}/topics/t`)
  await late.ended
  expect(late.status).toBe(200)
  expect(late.text()).toMatch(/^retry: \d+\n\nevent: tailrace\.error\ndata: \{"code":"draining"\}\n\n$/)
  await Promise.all(ends)
  for (const reader of readers) {
    expect(reader.isComplete()).toBe(true)
    expect(reader.frames().slice(-2)).toMatchObject([
      { retry: expect.stringMatching(/^\d+$/) },
      { event: 'tailrace.error', data: '{"code":"draining"}' },
    ])
  }
  const retries = new Set(
    readers.map((reader) => reader.frames().findLast(({ retry }) => retry !== undefined)!.retry),
  )
  expect(retries.size).toBeGreaterThan(READERS / 4)
  expect(await exit).toMatchObject({ code: 0 })
})

test('a second signal ends it at once', async () => {
  await using hub = await startHub({ args: ['--drain', '60s'] })
  const readers = await openMany(hub.url)
  const exit = hub.kill('SIGTERM')
  await Promise.race(readers.map((reader) => reader.ended))
  process.kill(hub.pid, 'SIGTERM')
  expect(await exit).toMatchObject({ code: 1 })
})
