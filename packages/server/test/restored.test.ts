import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openStream, startHub, tempDir } from '@tailrace/testkit'
import { expect, test } from 'vitest'

test('a reader whose hub was restored from a back-up is told of the gap, and gets what is published after it', async () => {
  using dir = tempDir()
  const [path, copy] = [join(dir.path, 'log.db'), join(dir.path, 'backup.db')]
  let seen: string
  const publish = async (url: string, ...bodies: string[]): Promise<string> => {
    let id = ''
    for (const body of bodies) {
      const response = await fetch(`${url}/topics/t`, { method: 'POST', body })
      id = ((await response.json()) as { id: string }).id
    }
    return id
  }
  {
    await using hub = await startHub({ log: `sqlite:${path}` })
    await publish(hub.url, '1', '2', '3', '4', '5')
    const db = new DatabaseSync(path)
    db.exec(`VACUUM INTO '${copy}'`)
    db.close()
    seen = await publish(hub.url, '6', '7', '8', '9', '10')
  }
  copyFileSync(copy, path)
  await using hub = await startHub({ log: `sqlite:${path}` })
  const news = Array.from({ length: 8 }, (_, i) => `new ${i}`)
  await publish(hub.url, ...news)
  const stream = await openStream(`${hub.url}/topics/t`, { headers: { 'Last-Event-ID': seen } })
  const frames = await stream.waitFor((all) => all.some(({ data }) => data === 'new 7'))
  const told = frames.filter(({ event }) => event === undefined).flatMap(({ data }) => data ?? [])
  expect(told).toEqual(['1', '2', '3', '4', '5', ...news])
  const gap = frames.find(({ event }) => event === 'tailrace.gap')
  expect(JSON.parse(gap!.data!)).toMatchObject({ reason: 'epoch', from: seen })
  stream.close()
})
