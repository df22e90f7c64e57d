import { openStream, startHub } from '@tailrace/testkit'
import type { HubProcess } from '@tailrace/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bearer, KEYS, tokenOf } from '../auth/tokens.ts'

let hub: HubProcess

const LIMITS = [
  ['--max-streams-per-address', '3'],
  ['--max-streams-per-subject', '2'],
  ['--max-topics', '2'],
  ['--publish-rate', '5'],
  ['--publish-bytes', '1KiB'],
  ['--trust-proxy', '127.0.0.1'],
].flat()

beforeAll(async () => {
  hub = await startHub({ env: KEYS, args: LIMITS })
})

afterAll(async () => {
  await hub[Symbol.asyncDispose]()
})

async function opensAs(sub: string, address: string): Promise<string> {
  const headers = { ...bearer(await tokenOf({ subscribe: ['**'] }, { sub })), 'X-Forwarded-For': address }
  const stream = await openStream(`${hub.url}/topics/t`, { headers })
  expect(stream.status).toBe(200)
  await stream.waitFor((frames) => frames.some(({ event }) => event !== undefined))
  return stream.frames().find(({ event }) => event !== undefined)!.event!
}

test('a subject and an address have so many streams; a reader beyond that is told to come back', async () => {
  expect(await opensAs('ann', '1.1.1.1')).toBe('tailrace.live')
  expect(await opensAs('ann', '1.1.1.1')).toBe('tailrace.live')
  expect(await opensAs('ann', '2.2.2.2')).toBe('tailrace.error')
  expect(await opensAs('bob', '1.1.1.1')).toBe('tailrace.live')
  expect(await opensAs('bob', '1.1.1.1')).toBe('tailrace.error')
  expect(await opensAs('bob', '2.2.2.2')).toBe('tailrace.live')
})

test('a stream that is over counts no more', async () => {
  const headers = bearer(await tokenOf({ subscribe: ['**'] }, { sub: 'eve' }))
  for (let i = 0; i < 5; i += 1) {
    const stream = await openStream(`${hub.url}/topics/t`, { headers })
    await stream.waitFor((frames) => frames.some(({ event }) => event === 'tailrace.live'))
    stream.close()
    // The hub learns of it from the network.
    await expect
      .poll(async () => {
        const next = await openStream(`${hub.url}/topics/t`, { headers })
        await next.waitFor((frames) => frames.some(({ event }) => event !== undefined))
        next.close()
        return next.frames().some(({ event }) => event === 'tailrace.live')
      })
      .toBe(true)
  }
})

test('more topics than fit on a stream are refused', async () => {
  const headers = bearer(await tokenOf({ subscribe: ['**'] }))
  const response = await fetch(`${hub.url}/events?topic=a&topic=b&topic=c`, { headers })
  expect([response.status, await response.json()]).toMatchObject([
    400,
    { code: 'too-many-topics', limit: 'max-topics' },
  ])
})

test.each([
  ['many events', 'carl', 'x', 'publish-rate'],
  ['many bytes', 'dora', 'x'.repeat(600), 'publish-bytes'],
])('who publishes too %s is told when to go on', async (_, sub, body, limit) => {
  const headers = bearer(await tokenOf({ publish: ['**'] }, { sub }))
  const answers: Response[] = []
  for (let i = 0; i < 8; i += 1)
    answers.push(await fetch(`${hub.url}/topics/t`, { method: 'POST', headers, body }))
  const refused = answers.find(({ status }) => status === 429)!
  expect(answers[0]!.status).toBe(201)
  expect(await refused.json()).toMatchObject({ code: 'too-many-publishes', limit })
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
  const other = bearer(await tokenOf({ publish: ['**'] }, { sub: `not ${sub}` }))
  expect((await fetch(`${hub.url}/topics/t`, { method: 'POST', headers: other, body })).status).toBe(201)
})

test('bytes are counted as such, and not as characters', async () => {
  const headers = bearer(await tokenOf({ publish: ['**'] }, { sub: 'fred' }))
  const publish = async (body: string): Promise<number> =>
    (await fetch(`${hub.url}/topics/t`, { method: 'POST', headers, body })).status
  // 600 characters of 2 bytes each, of the 1 KiB that there is.
  expect([await publish('é'.repeat(600)), await publish('x')]).toEqual([201, 429])
})

test('who waits for a page has a stream open', async () => {
  const headers = {
    ...bearer(await tokenOf({ subscribe: ['**'] }, { sub: 'gus' })),
    Accept: 'application/json',
  }
  const leaving = new AbortController()
  const waiting = ['a', 'b'].map((topic) =>
    fetch(`${hub.url}/topics/${topic}?wait=55`, { headers, signal: leaving.signal }).catch(() => undefined),
  )
  const ask = async (): Promise<unknown> =>
    (await (await fetch(`${hub.url}/topics/c?wait=1`, { headers })).json()) as unknown
  const refused = { code: 'too-many-connections', limit: 'max-streams-per-subject' }
  await expect.poll(ask, { timeout: 10_000 }).toMatchObject(refused)
  // A page that is there is no stream.
  expect((await fetch(`${hub.url}/topics/c`, { headers })).status).toBe(200)
  leaving.abort()
  await Promise.all(waiting)
  await expect.poll(ask, { timeout: 10_000 }).toMatchObject({ events: [] })
})

test('a wait for a page on more topics than fit on a stream is refused', async () => {
  const headers = { ...bearer(await tokenOf({ subscribe: ['**'] })), Accept: 'application/json' }
  const response = await fetch(`${hub.url}/events?topic=a&topic=b&topic=c&wait=1`, { headers })
  expect(await response.json()).toMatchObject({ code: 'too-many-topics', limit: 'max-topics' })
})

test('a wait for a page ends with its token', async () => {
  // The clock of who signs may be 30 s behind.
  const token = await tokenOf({ subscribe: ['**'] }, { sub: 'hal', expiresInS: -28 })
  const headers = { ...bearer(token), Accept: 'application/json' }
  const response = await fetch(`${hub.url}/topics/quiet?wait=55`, { headers })
  expect(response.status).toBe(401)
  expect(response.headers.get('www-authenticate')).toContain('Bearer')
  expect(await response.json()).toMatchObject({ code: 'token-expired' })
})

test('each limit that was met is counted under the name of its setting', async () => {
  const headers = bearer(await tokenOf({ admin: true }))
  const text = await (await fetch(`${hub.url}/metrics`, { headers })).text()
  for (const limit of ['max-streams-per-address', 'max-streams-per-subject', 'max-topics', 'publish-rate']) {
    expect(text).toMatch(new RegExp(`^tailrace_limits_hit_total\\{limit="${limit}"\\} [1-9]`, 'm'))
  }
})
