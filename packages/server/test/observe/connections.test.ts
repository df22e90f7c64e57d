import { hostname } from 'node:os'
import { openStream, startHub } from '@tailrace/testkit'
import type { HubProcess } from '@tailrace/testkit'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { bearer, KEYS, tokenOf } from '../auth/tokens.ts'

interface Listing {
  readonly total: number
  readonly connections: readonly Record<string, unknown>[]
}

let hub: HubProcess
let admin: Record<string, string>

beforeEach(async () => {
  hub = await startHub({ env: KEYS, log: 'memory:' })
  admin = bearer(await tokenOf({ admin: true, publish: ['**'], subscribe: ['**'] }))
})

afterEach(async () => {
  await hub[Symbol.asyncDispose]()
})

async function list(query = ''): Promise<Listing> {
  const response = await fetch(`${hub.url}/connections${query}`, { headers: admin })
  expect(response.status).toBe(200)
  return (await response.json()) as Listing
}

test('a stream is listed with who reads what since when, and no more once it is over', async () => {
  const before = Date.now()
  const headers = bearer(await tokenOf({ subscribe: ['**'] }, { sub: 'bob' }))
  const stream = await openStream(`${hub.url}/events?topic=a&topic=b/*`, { headers })
  await stream.waitFor((frames) => frames.some(({ event }) => event === 'tailrace.live'))
  const { total, connections } = await list()
  expect(total).toBe(1)
  expect(connections).toEqual([
    {
      id: expect.stringMatching(/^[a-z0-9]{8}-[0-9]+$/),
      topics: ['a', 'b/*'],
      state: 'live',
      behind: 0,
      since: expect.any(String),
      transport: 'socket',
      address: '127.0.0.1',
      subject: 'bob',
    },
  ])
  const since = Date.parse(String(connections[0]!['since']))
  expect(since).toBeGreaterThanOrEqual(before)
  expect(since).toBeLessThanOrEqual(Date.now())
  stream.close()
  await expect.poll(() => list()).toEqual({ node: hostname(), total: 0, connections: [] })
})

test('whoever is the furthest behind comes first, and a limit leaves out the others', async () => {
  const names = ['a', 'slow', 'b', 'c', 'd']
  const streams = await Promise.all(
    names.map((name) => openStream(`${hub.url}/topics/${name}`, { headers: admin })),
  )
  for (const stream of streams)
    await stream.waitFor((frames) => frames.some(({ event }) => event === 'tailrace.live'))
  const slow = streams[1]!
  slow.pause()
  const body = 'x'.repeat(1024 * 1024)
  // Until what the kernel holds for a reader that takes nothing is full.
  await expect
    .poll(
      async () => {
        await fetch(`${hub.url}/topics/slow`, { method: 'POST', headers: admin, body })
        return (await list('?limit=1')).connections[0]!['behind']
      },
      { interval: 1, timeout: 20_000 },
    )
    .toBeGreaterThan(2)
  const { total, connections } = await list('?limit=2')
  expect(total).toBe(names.length)
  expect(connections).toHaveLength(2)
  expect(connections[0]).toMatchObject({ topics: ['slow'], state: 'blocked' })
  expect(connections[1]).toMatchObject({ state: 'live', behind: 0 })
  for (const stream of streams) stream.close()
})

test.each(['?limit=0', '?limit=1001', '?limit=x', '?limit=1&limit=2', '?offset=1'])(
  'what cannot be asked is refused: %s',
  async (query) => {
    const response = await fetch(`${hub.url}/connections${query}`, { headers: admin })
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
      400,
      'invalid-query',
    ])
  },
)
