import { startHub } from '@tailrace/testkit'
import { expect, test } from 'vitest'

const HINT = /tailrace: a page from (\S+) sent a request.*: allow it with --allow-origin \1\n/g

test('the hub names the origin of a page that cannot read, once, with the option that allows it', async () => {
  await using hub = await startHub({ log: 'memory:', args: ['--allow-origin', 'https://app.example'] })
  const ask = async (origin: string, method = 'GET'): Promise<void> => {
    const headers = { Origin: origin, Accept: 'application/json' }
    await (await fetch(`${hub.url}/topics/a`, { method, headers })).text()
  }
  const named = (): string[] => Array.from(hub.output().matchAll(HINT), ([, origin]) => origin!)
  for (const origin of ['https://app.example', hub.url, 'null', 'nonsense', 'http://h/path?ticket=secret']) {
    await ask(origin)
    await ask(origin, 'POST')
  }
  for (let i = 0; i < 3; i += 1) await ask('http://localhost:5173')
  await expect.poll(named).toEqual(['http://localhost:5173'])
  for (let i = 0; i < 20; i += 1) await ask(`https://${i}.example`)
  await ask('https://app.example')
  await expect.poll(() => named().length).toBe(10)
  expect(hub.output()).not.toContain('secret')
})
