import { join } from 'node:path'
import { needs, startHub, startNats, startRedis, tempDir } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'
import { childrenOf } from './children.ts'
import { spread } from './connections.ts'
import { ask, askAll } from './request.ts'

const hasRedis = needs('redis')
const hasNats = needs('nats')

/** Streams of all workers receive what is published at any of them. */
async function expectOneLog(url: string): Promise<void> {
  const streams = await spread(url, 't')
  const answers = await askAll(`${url}/topics/t`, { method: 'POST', body: 'x' })
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]))
  for (const stream of streams) {
    await stream.waitFor((all) => all.filter(({ data }) => data === 'x').length === answers.length)
    stream.close()
  }
}

describe.skipIf(!hasRedis)('on Redis', () => {
  test('each worker is a node of the log, and there is no owner', async () => {
    await using redis = await startRedis()
    await using hub = await startHub({ log: redis.url, args: ['--workers', '2'] })
    expect(childrenOf(hub.pid).map(({ name }) => name)).toEqual(['worker 1', 'worker 2'])
    await expectOneLog(hub.url)
  }, 60_000)
})

describe.skipIf(!hasNats)('on NATS', () => {
  test('one index serves all workers, and all of them wait while NATS is away, from the start on', async () => {
    using dir = tempDir()
    await using nats = await startNats()
    await nats.stop()
    const log = `${nats.url}?index=${join(dir.path, 'index')}`
    await using hub = await startHub({ log, args: ['--workers', '2'] })
    expect(childrenOf(hub.pid).map(({ name }) => name)).toEqual(['log owner', 'worker 1', 'worker 2'])
    const refused = await ask(`${hub.url}/readyz`)
    expect(JSON.parse(refused.text)).toMatchObject({ code: 'unreachable' })
    await nats.start()
    const status = async (): Promise<number> => (await ask(`${hub.url}/readyz`)).status
    await expect.poll(status).toBe(200)
    await expectOneLog(hub.url)
    const streams = await spread(hub.url, 'u')
    await nats.stop()
    await expect.poll(status).toBe(503)
    await nats.start()
    await expect
      .poll(async () => (await ask(`${hub.url}/topics/u`, { method: 'POST', body: 'after' })).status)
      .toBe(201)
    for (const stream of streams) {
      await stream.waitFor((all) => all.at(-1)?.data === 'after')
      stream.close()
    }
  }, 60_000)
})
