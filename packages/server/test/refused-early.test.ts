import { startHub } from '@tailrace/testkit'
import type { HubProcess } from '@tailrace/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bearer, KEYS, tokenOf } from './auth/tokens.ts'
import { rawAnswerOf, refusal } from '../../http/test/problem-shape.ts'
import { connectRaw } from '../../http/test/raw-connection.ts'

let hub: HubProcess

beforeAll(async () => {
  hub = await startHub({ env: KEYS, args: ['--publish-bytes', '1KiB'] })
})

afterAll(async () => {
  await hub[Symbol.asyncDispose]()
})

/** Announces a batch, and sends none of it. */
async function announce(headers: Record<string, string>): Promise<ReturnType<typeof rawAnswerOf>> {
  using raw = connectRaw(hub.port)
  const lines = Object.entries({
    ...headers,
    'Content-Type': 'application/x-ndjson',
    'Content-Length': '1000000',
  })
  const fields = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  raw.send(`POST /topics HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n`)
  return rawAnswerOf(await raw.closed)
}

test('who may publish nothing is refused before the batch is read', async () => {
  expect(await announce({})).toEqual(refusal(401, 'missing-token'))
  const reader = bearer(await tokenOf({ subscribe: ['**'] }))
  expect(await announce(reader)).toEqual(refusal(403, 'forbidden'))
})

test('who has published too much is refused before the next batch is read', async () => {
  const writer = bearer(await tokenOf({ publish: ['**'] }))
  // More than is earned in a second is owed.
  const response = await fetch(`${hub.url}/topics/t`, {
    method: 'POST',
    headers: writer,
    body: 'x'.repeat(100_000),
  })
  expect(response.status).toBe(201)
  expect(await announce(writer)).toEqual(refusal(429, 'too-many-publishes', { limit: 'publish-bytes' }))
})
