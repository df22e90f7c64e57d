import { publish, subscribe } from '@tailrace/client'
import { createRandom, startFlakyProxy, startHub, tempDir, testSeed } from '@tailrace/testkit'
import { expect, test } from 'vitest'

test('through a network that misbehaves, each event comes once and in order', async () => {
  const seed = testSeed()
  const random = createRandom(seed)
  await using hub = await startHub()
  await using proxy = await startFlakyProxy({ host: '127.0.0.1', port: hub.port })
  const count = 500
  const published = (async () => {
    for (let i = 0; i < count; i += 1) {
      await publish(`${hub.url}/topics/t`, { data: String(i) })
      if (random.chance(0.03)) proxy.cutAll()
    }
  })()
  const seen: string[] = []
  let losses = 0
  for await (const item of subscribe(`${proxy.url}/topics/t?from=start`, {
    initialDelayMs: 5,
    maxDelayMs: 20,
  })) {
    if (item.kind === 'reconnecting') losses += 1
    if (item.kind === 'event') seen.push(item.data)
    if (seen.length === count) break
  }
  await published
  expect(seen, `seed ${seed}`).toEqual(Array.from({ length: count }, (_, i) => String(i)))
  expect(losses).toBeGreaterThan(0)
})

test('presence is a snapshot of keys that are removed when somebody leaves', async () => {
  await using hub = await startHub()
  const url = `${hub.url}/topics/room/1`
  const enter = (key: string): Promise<unknown> => publish(url, { key, data: 'here' })
  const leave = (key: string): Promise<unknown> => publish(url, { key, remove: true })

  /** Follows who is in the room until somebody says so. */
  async function follow(until: string, onLive: () => Promise<void> = async () => {}): Promise<string[]> {
    const present = new Map<string, string | undefined>()
    for await (const item of subscribe(`${url}?snapshot=true&time=true`)) {
      if (item.kind === 'live') await onLive()
      if (item.kind !== 'event') continue
      if (item.key === undefined) {
        if (item.data === until) break
      } else if (item.remove) present.delete(item.key)
      else present.set(item.key, item.time)
    }
    for (const time of present.values())
      expect(Math.abs(Date.now() - Date.parse(time!))).toBeLessThan(600_000)
    return [...present.keys()].toSorted()
  }

  for (const name of ['ada', 'bob', 'cyd']) await enter(name)
  await leave('bob')
  const present = await follow('first', async () => {
    await enter('dee')
    await leave('ada')
    await enter('bob')
    await leave('dee')
    await publish(url, { data: 'first' })
  })
  expect(present).toEqual(['bob', 'cyd'])
  // Whoever comes later starts with the same.
  expect(await follow('second', async () => void (await publish(url, { data: 'second' })))).toEqual(present)
})

test('a hub that is killed and started again is gone on with, and a publish meanwhile is published once', async () => {
  using dir = tempDir()
  const log = `sqlite:${dir.path}/log.db`
  const first = await startHub({ log })
  const { port } = first
  const subscription = subscribe(`${first.url}/topics/t`, { initialDelayMs: 5, maxDelayMs: 50 })
  const seen: string[] = []
  const done = new Promise<void>((resolve) => {
    subscription.on('message', ({ data }) => {
      seen.push(data)
      if (data === 'after') resolve()
    })
  })
  await new Promise<void>((resolve) => subscription.onStatus(({ kind }) => kind === 'live' && resolve()))
  await publish(`${first.url}/topics/t`, { data: 'before' })
  await first.kill('SIGKILL')
  const meanwhile = publish(`${first.url}/topics/t`, { data: 'meanwhile' }, { maxAttempts: 100 })
  await using second = await startHub({ log, port })
  await meanwhile
  await publish(`${second.url}/topics/t`, { data: 'after' })
  await done
  subscription.close()
  expect(seen).toEqual(['before', 'meanwhile', 'after'])
})
