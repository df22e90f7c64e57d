import { createSeal } from '@tailrace/http/gate'
import { createMemoryLog } from '@tailrace/log'
import type { EventLog } from '@tailrace/log'
import { openStream, startHub, tempDir } from '@tailrace/testkit'
import type { HubProcess, StreamReader } from '@tailrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Identity } from '../../src/auth/identity.ts'
import { createTickets } from '../../src/auth/tickets.ts'
import { bearer, KEYS, ticketOf, tokenOf } from './tokens.ts'

const JSON_TYPE = { Accept: 'application/json' }

let hub: HubProcess

beforeAll(async () => {
  hub = await startHub({ env: KEYS, args: ['--max-topics', '3'] })
})

afterAll(async () => {
  await hub[Symbol.asyncDispose]()
})

interface Answer {
  readonly status: number
  readonly json: Record<string, unknown>
}

async function ask(path: string, init: RequestInit = {}, url = hub.url): Promise<Answer> {
  const response = await fetch(`${url}${path}`, { headers: JSON_TYPE, ...init })
  return { status: response.status, json: (await response.json()) as Record<string, unknown> }
}

async function request(token: string, body: string): Promise<Answer> {
  return ask('/tickets', { method: 'POST', headers: bearer(token), body })
}

/** A ticket for topics, which its token covers. */
async function issue(topics: readonly string[] = ['t'], sub = 'ann'): Promise<string> {
  return ticketOf(
    hub.url,
    await tokenOf({ publish: ['**'], subscribe: ['t/**'], admin: true }, { sub }),
    topics,
  )
}

async function isLive(stream: StreamReader): Promise<boolean> {
  const frames = await stream.waitFor((all) => all.some(({ event }) => event !== undefined))
  stream.close()
  return frames.at(-1)!.event === 'tailrace.live'
}

async function refusalOf(url: string): Promise<string> {
  const stream = await openStream(url)
  await stream.ended
  return `${stream.status} ${(JSON.parse(stream.text()) as { code: string }).code}`
}

describe('a ticket', () => {
  test('opens a stream as often as it is asked to, also after the hub was killed', async () => {
    using dir = tempDir()
    const log = `sqlite:${dir.path}/log.db`
    const first = await startHub({ env: KEYS, log })
    const ticket = await ticketOf(first.url, await tokenOf({ subscribe: ['t'] }), ['t'])
    for (let i = 0; i < 3; i += 1)
      expect(await isLive(await openStream(`${first.url}/topics/t?ticket=${ticket}`))).toBe(true)
    await first.kill('SIGKILL')
    await using second = await startHub({ env: KEYS, log })
    for (let i = 0; i < 3; i += 1)
      expect(await isLive(await openStream(`${second.url}/events?topic=t&ticket=${ticket}`))).toBe(true)
  })

  test('opens streams of what its topics cover, and of nothing else that its token covers', async () => {
    const ticket = await issue(['t/a', 't/b/*'])
    for (const path of ['/topics/t/a?', '/events?topic=t/a&topic=t/b/1&', '/events?topic=t/b/*&'])
      expect(await isLive(await openStream(`${hub.url}${path}ticket=${ticket}`))).toBe(true)
    for (const path of [
      '/topics/t/c?',
      '/events?topic=t/a&topic=t/c&',
      '/events?topic=t/b/**&',
      '/events?topic=**&',
    ])
      expect(await refusalOf(`${hub.url}${path}ticket=${ticket}`)).toBe('403 forbidden')
  })

  test.each([
    ['publishes', 'POST', '/topics/t?', 400, 'invalid-query'],
    ['publishes a batch', 'POST', '/topics?', 400, 'invalid-query'],
    ['purges', 'DELETE', '/topics/t?', 400, 'invalid-query'],
    ['gets another ticket', 'POST', '/tickets?', 400, 'invalid-query'],
    ['ends streams', 'DELETE', '/connections?subject=ann&', 400, 'invalid-query'],
    ['reads history', 'GET', '/topics/t?', 403, 'forbidden'],
    ['reads the history of several topics', 'GET', '/events?topic=t&', 403, 'forbidden'],
    ['waits for history', 'GET', '/topics/t?wait=1&', 403, 'forbidden'],
    ['lists topics', 'GET', '/topics?', 401, 'missing-token'],
    ['lists connections', 'GET', '/connections?', 401, 'missing-token'],
    ['reads metrics', 'GET', '/metrics?', 401, 'missing-token'],
  ])('never %s, even for an administrator', async (_, method, path, status, code) => {
    const ticket = await issue(['t'])
    const init = { method, headers: JSON_TYPE, ...(method === 'POST' ? { body: '{"topics":["t"]}' } : {}) }
    expect(await ask(`${path}ticket=${ticket}`, init)).toMatchObject({ status, json: { code } })
    // It is what was asked, and not the ticket, that was refused.
    expect(await isLive(await openStream(`${hub.url}/topics/t?ticket=${ticket}`))).toBe(true)
  })

  test('is nothing that could be guessed or made', async () => {
    const ticket = await issue()
    const token = await tokenOf({ subscribe: ['t'] })
    for (const forged of ['x', '', `${ticket}x`, ticket.slice(0, -2), token]) {
      expect(await refusalOf(`${hub.url}/topics/t?ticket=${forged}`)).toBe('401 invalid-ticket')
    }
    expect(await refusalOf(`${hub.url}/topics/t?ticket=${ticket}&ticket=${ticket}`)).toBe('400 invalid-query')
  })

  test('waits for its first use no longer than its token is good', async () => {
    // Within its leeway of 30 seconds.
    const token = await tokenOf({ subscribe: ['t'] }, { expiresInS: -20 })
    const { json } = await request(token, '{"topics":["t"]}')
    expect(json['expiresIn']).toBeLessThanOrEqual(10)
    expect(json['expiresIn']).toBeGreaterThan(0)
    expect((await request(await tokenOf({ subscribe: ['t'] }), '{"topics":["t"]}')).json['expiresIn']).toBe(
      30,
    )
  })

  test('ends its stream with its token, and is good for nothing then', async () => {
    const token = await tokenOf({ subscribe: ['t'] }, { expiresInS: -28 })
    const tickets = await Promise.all([1, 2].map(() => ticketOf(hub.url, token, ['t'])))
    const stream = await openStream(`${hub.url}/topics/t?ticket=${tickets[0]}`)
    await stream.ended
    expect(stream.text()).toContain('event: tailrace.error\ndata: {"code":"token-expired"}')
    for (const ticket of tickets)
      expect(await refusalOf(`${hub.url}/topics/t?ticket=${ticket}`)).toBe('401 invalid-ticket')
  })

  test('of a token whose end no clock will reach opens a stream as the token does', async () => {
    const token = await tokenOf({ subscribe: ['t'] }, { exp: 1e306 })
    const ticket = await ticketOf(hub.url, token, ['t'])
    expect(await isLive(await openStream(`${hub.url}/topics/t`, { headers: bearer(token) }))).toBe(true)
    expect(await isLive(await openStream(`${hub.url}/topics/t?ticket=${ticket}`))).toBe(true)
  })

  test('takes an end within a millisecond as tokens have it', async () => {
    const exp = Date.now() / 1000 + 100.0001234
    const ticket = await ticketOf(hub.url, await tokenOf({ subscribe: ['t'] }, { exp }), ['t'])
    expect(await isLive(await openStream(`${hub.url}/topics/t?ticket=${ticket}`))).toBe(true)
  })
})

describe('a request for a ticket', () => {
  test.each([
    ['nothing', '', 400, 'invalid-json'],
    ['no JSON', '{', 400, 'invalid-json'],
    ['a list', '["t"]', 400, 'invalid-json'],
    ['no topics', '{"topics":[]}', 400, 'invalid-json'],
    ['a number', '{"topics":[1]}', 400, 'invalid-json'],
    ['something else as well', '{"topics":["t"],"publish":["t"]}', 400, 'invalid-json'],
    ['a selector that is none', '{"topics":["t//x"]}', 400, 'invalid-selector'],
    ['what its token does not cover', '{"topics":["t","u"]}', 403, 'forbidden'],
    ['everything', '{"topics":["**"]}', 403, 'forbidden'],
    ['more topics than a stream may have', '{"topics":["t/1","t/2","t/3","t/4"]}', 400, 'too-many-topics'],
    ['more than a request may hold', `{"topics":["t"${' '.repeat(4_096)}]}`, 413, 'body-too-large'],
  ])('that has %s in it is refused', async (_, body, status, code) => {
    const token = await tokenOf({ subscribe: ['t/**'] }, { sub: 'asker' })
    expect(await request(token, body)).toMatchObject({ status, json: { code } })
  })

  test('counts as a publish, since the first use of a ticket is a write', async () => {
    await using strict = await startHub({ env: KEYS, args: ['--publish-rate', '1'] })
    const headers = bearer(await tokenOf({ subscribe: ['t'] }, { sub: 'greedy' }))
    const answers = await Promise.all(
      Array.from({ length: 60 }, () =>
        ask('/tickets', { method: 'POST', headers, body: '{"topics":["t"]}' }, strict.url),
      ),
    )
    expect(answers.some(({ status }) => status === 201)).toBe(true)
    expect(answers.find(({ status }) => status === 429)).toMatchObject({
      json: { code: 'too-many-publishes', limit: 'publish-rate' },
    })
  })
})

describe('by the clock, a ticket', () => {
  const START = 2_000_000_000_000
  const IDENTITY: Identity = {
    by: 'token',
    subject: 'ann',
    rights: { publish: ['t'], subscribe: ['t'], isAdmin: true },
    expiresAt: START + 60 * 60_000,
    issuedAt: START - 1_000,
    credential: 'token',
  }

  async function issueAt(identity: Identity): Promise<{
    redeemAt: (time: number) => Promise<Identity>
    cost: { reads: number; writes: number }
  }> {
    let time = START
    const cost = { reads: 0, writes: 0 }
    const memory = createMemoryLog({ now: () => time })
    const log: EventLog = {
      ...memory,
      shared: {
        ...memory.shared,
        note(note) {
          cost.writes += 1
          return memory.shared.note(note)
        },
        notes(query) {
          cost.reads += 1
          return memory.shared.notes(query)
        },
      },
    }
    const tickets = createTickets(log, createSeal(memory.shared.secret), () => time)
    const { ticket, expiresIn } = await tickets.issue(identity, ['t'])
    expect(expiresIn).toBe(30)
    return {
      cost,
      redeemAt(at) {
        time = at
        return tickets.redeem(ticket)
      },
    }
  }

  test('that is not used within 30 seconds is dead, and a late attempt does not bring it to life', async () => {
    const { redeemAt } = await issueAt(IDENTITY)
    await expect(redeemAt(START + 30_000)).rejects.toMatchObject({ code: 'invalid-ticket' })
    await expect(redeemAt(START + 30_001)).rejects.toMatchObject({ code: 'invalid-ticket' })
  })

  test('that was used in time is good until its token expires', async () => {
    const { redeemAt } = await issueAt(IDENTITY)
    const identity = await redeemAt(START + 29_999)
    expect(identity).toMatchObject({
      by: 'ticket',
      subject: 'ann',
      rights: { publish: [], subscribe: ['t'], isAdmin: false },
      expiresAt: IDENTITY.expiresAt,
    })
    expect(await redeemAt(IDENTITY.expiresAt! - 1)).toEqual(identity)
    await expect(redeemAt(IDENTITY.expiresAt!)).rejects.toMatchObject({ code: 'invalid-ticket' })
  })

  test('costs a write when it is first used, and one read each time', async () => {
    const { redeemAt, cost } = await issueAt(IDENTITY)
    await redeemAt(START)
    expect(cost).toEqual({ reads: 1, writes: 1 })
    for (let i = 1; i <= 10; i += 1) await redeemAt(START + i * 1_000)
    expect(cost).toEqual({ reads: 11, writes: 1 })
  })

  test('that is made up or has expired costs neither', async () => {
    const { redeemAt, cost } = await issueAt(IDENTITY)
    await expect(redeemAt(IDENTITY.expiresAt!)).rejects.toMatchObject({ code: 'invalid-ticket' })
    expect(cost).toEqual({ reads: 0, writes: 0 })
  })

  test('of a token that never expires is good for a day', async () => {
    const { redeemAt } = await issueAt({ ...IDENTITY, expiresAt: undefined })
    await redeemAt(START)
    const day = 24 * 60 * 60_000
    expect(await redeemAt(START + day - 1)).toMatchObject({ expiresAt: START + day })
    await expect(redeemAt(START + day)).rejects.toMatchObject({ code: 'invalid-ticket' })
  })
})
