import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createMemoryLog } from '@tailrace/log'
import { expectRejection } from '@tailrace/log-suite'
import { expect, onTestFinished, test } from 'vitest'

import { follow } from './follow.ts'
import { freeSocket, open, serve } from './owned.ts'
import { readAll } from './reading.ts'
import { startUnixProxy } from './unix-proxy.ts'

const MEBIBYTE = 2 ** 20

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** What buffers occupy. The events of a memory log are not in buffers. */
async function bufferBytes(): Promise<number> {
  collectGarbage()
  // They are freed later.
  await new Promise(setImmediate)
  collectGarbage()
  return process.memoryUsage().arrayBuffers
}

test('a node that does not read costs the owner a few megabytes, and misses nothing', async () => {
  const { socket, log } = await serve()
  const path = freeSocket()
  const proxy = await startUnixProxy(path, socket)
  onTestFinished(() => proxy.close())
  const node = await open(`ipc:${path}`)
  const followed = await follow(node)
  const publish = (n: number): Promise<unknown> =>
    log.append([{ topic: 'a', data: `${n} ${'x'.repeat(100_000)}` }])
  proxy.pause()
  const before = await bufferBytes()
  for (let n = 0; n < 300; n += 1) {
    await publish(n)
    if (n % 50 === 0) await new Promise(setImmediate)
  }
  expect((await bufferBytes()) - before).toBeLessThan(12 * MEBIBYTE)
  proxy.resume()
  // It comes back while others go on.
  for (let n = 300; n < 350; n += 1) {
    await publish(n)
    await new Promise(setImmediate)
  }
  await expect.poll(() => followed.events.length).toBe(350)
  expect(followed.events).toEqual(await readAll(log))
  expect(followed.states).toEqual([])
})

test('a node that does not read its answers is not served until it does', async () => {
  const memory = createMemoryLog()
  let served = 0
  const { socket, url, log } = await serve({
    ...memory,
    read(query) {
      served += 1
      return memory.read(query)
    },
  })
  const path = freeSocket()
  const proxy = await startUnixProxy(path, socket)
  onTestFinished(() => proxy.close())
  const [node, other] = [await open(`ipc:${path}`), await open(url)]
  for (let n = 0; n < 10; n += 1) await log.append([{ topic: 'a', data: 'x'.repeat(100_000) }])
  proxy.pause()
  const query = { selectors: ['a'], after: 0, limit: 1_000, maxBytes: MEBIBYTE }
  const pages = Array.from({ length: 60 }, () => node.read(query))
  for (let n = 0; n < 20; n += 1) await other.read(query)
  expect(served).toBeLessThan(20 + 40)
  proxy.resume()
  for (const page of await Promise.all(pages)) expect(page.events).toHaveLength(10)
})

test('any number of calls at once are answered', async () => {
  const { url } = await serve()
  const log = await open(url)
  const appended = await Promise.all(
    Array.from({ length: 2_000 }, (_, n) => log.append([{ topic: 'a', data: `${n}` }])),
  )
  expect(appended.map(([one]) => one!.offset)).toEqual(Array.from({ length: 2_000 }, (_, n) => n + 1))
  const descriptions = await Promise.all(Array.from({ length: 1_000 }, () => log.describe()))
  expect(new Set(descriptions.map(({ newest }) => newest))).toEqual(new Set([2_000]))
})

test('a batch that is too large, or no batch, is refused, and the others of its turn are stored', async () => {
  const { url } = await serve()
  const log = await open(url)
  const ofTwoBytes = 'é'.repeat(17 * MEBIBYTE)
  const ofOneByte = 'x'.repeat(33 * MEBIBYTE)
  const outcomes = await Promise.allSettled(
    ['1', ofTwoBytes, '2', ofOneByte, undefined, '3'].map((data) =>
      log.append([{ topic: 'a', data: data! }]),
    ),
  )
  expect(
    outcomes.map((outcome) => (outcome.status === 'rejected' ? (outcome.reason as Error) : 'stored')),
  ).toEqual([
    'stored',
    expect.objectContaining({ code: 'too-large' }),
    'stored',
    expect.objectContaining({ code: 'too-large' }),
    expect.any(TypeError),
    'stored',
  ])
  expect((await readAll(log)).map(({ data }) => data)).toEqual(['1', '2', '3'])
})

test('too much that waits for the owner is refused as busy', async () => {
  const memory = createMemoryLog()
  const { promise: isOpen, resolve: letThrough } = Promise.withResolvers<void>()
  const { url } = await serve({
    ...memory,
    async append(batch) {
      await isOpen
      return memory.append(batch)
    },
  })
  const log = await open(url)
  const publish = (): Promise<unknown> => log.append([{ topic: 'a', data: 'x'.repeat(16 * MEBIBYTE) }])
  const accepted = [publish(), publish(), publish()]
  await expectRejection(publish(), 'busy')
  letThrough()
  await Promise.all(accepted)
  await publish()
  expect((await log.describe()).newest).toBe(4)
})
