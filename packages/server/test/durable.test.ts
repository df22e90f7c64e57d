import { needs, runCli, startHub, startRedis } from '@tailrace/testkit'
import { expect, test } from 'vitest'

const redis = needs('redis')

test('a log in memory is refused where events must be durable', async () => {
  const { code, stderr } = await runCli(['serve', '--port', '0', '--log', 'memory:', '--require-durable'])
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^tailrace: The log memory: loses every event/)])
})

test('a log in a file is durable', async () => {
  await using hub = await startHub({ args: ['--require-durable'] })
  expect((await fetch(`${hub.url}/readyz`)).status).toBe(200)
})

test.skipIf(!redis)('settings of the engine that could lose events are a warning, or a refusal', async () => {
  await using server = await startRedis({ appendfsync: 'everysec' })
  await using hub = await startHub({ log: server.url })
  expect((await fetch(`${hub.url}/readyz`)).status).toBe(200)
  await expect.poll(() => hub.output()).toMatch(/^tailrace: .*appendfsync/m)
  const { code, stderr } = await runCli(['serve', '--port', '0', '--log', server.url, '--require-durable'])
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^tailrace: .*appendfsync/)])
})
