import { createMemoryLog } from '@tailrace/log'
import { launchChromium, needs, openStream, startHub, tempDir } from '@tailrace/testkit'
import type { HubProcess, StreamReader } from '@tailrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Identity } from '../../src/auth/identity.ts'
import { createRevocations, revokedError } from '../../src/auth/revocations.ts'
import type { Revocations } from '../../src/auth/revocations.ts'
import { servePage } from '../support/page-server.ts'
import { startServing } from '../../../http/test/serving.ts'
import { bearer, KEYS, ticketOf, tokenOf } from './tokens.ts'

const chromium = needs('chromium')
const REVOKED = 'event: tailrace.error\ndata: {"code":"revoked"}'

let hub: HubProcess

beforeAll(async () => {
  hub = await startHub({ env: KEYS })
})

afterAll(async () => {
  await hub[Symbol.asyncDispose]()
})

const nowS = (): number => Math.floor(Date.now() / 1000)

async function open(url: string, token?: string): Promise<StreamReader> {
  const stream = await openStream(url, token === undefined ? {} : { headers: bearer(token) })
  await stream.waitFor((frames) => frames.some(({ event }) => event === 'tailrace.live'))
  return stream
}

async function refusalOf(url: string, token?: string): Promise<string> {
  const stream = await openStream(url, token === undefined ? {} : { headers: bearer(token) })
  if (stream.status === 200) stream.close()
  await stream.ended
  return stream.status === 200
    ? 'open'
    : `${stream.status} ${(JSON.parse(stream.text()) as { code: string }).code}`
}

async function revoke(url: string, path: string): Promise<{ status: number; json: Record<string, unknown> }> {
  const headers = bearer(await tokenOf({ admin: true }, { sub: 'admin', iat: nowS() }))
  const response = await fetch(`${url}${path}`, { method: 'DELETE', headers })
  return { status: response.status, json: (await response.json()) as Record<string, unknown> }
}

/** The ids of the streams of a subject. */
async function idsOf(url: string, subject: string): Promise<string[]> {
  const headers = bearer(await tokenOf({ admin: true }, { sub: 'admin' }))
  const response = await fetch(`${url}/connections?limit=1000`, { headers })
  const { connections } = (await response.json()) as { connections: { id: string; subject?: string }[] }
  return connections.filter((one) => one.subject === subject).map(({ id }) => id)
}

describe('a stream that is ended by its id', () => {
  test('tells its reader why, and its token is refused, for streams and all else', async () => {
    const token = await tokenOf({ publish: ['a'], subscribe: ['a'] }, { sub: 'one' })
    const other = await tokenOf({ publish: ['a'], subscribe: ['a'] }, { sub: 'one', iat: nowS() })
    const streams = [await open(`${hub.url}/topics/a`, token), await open(`${hub.url}/topics/a`, token)]
    const spared = await open(`${hub.url}/topics/a`, other)
    const [id] = await idsOf(hub.url, 'one')
    const answer = await revoke(hub.url, `/connections/${id}`)
    // All streams of the token, so that none outlives it.
    const isOther = answer.json['ended'] === 1
    expect(answer).toEqual({ status: 200, json: { ended: isOther ? 1 : 2 } })
    const [gone, left, revoked, kept] = isOther
      ? [[spared], streams, other, token]
      : [streams, [spared], token, other]
    for (const stream of gone) {
      await stream.ended
      expect(stream.isComplete()).toBe(true)
      expect(stream.text()).toContain(REVOKED)
    }
    expect(await refusalOf(`${hub.url}/topics/a`, revoked)).toBe('401 revoked')
    for (const [method, body] of [['POST', 'x'], ['GET']] as const) {
      const init = { method, headers: { ...bearer(revoked), Accept: 'application/json' } }
      const response = await fetch(`${hub.url}/topics/a`, body === undefined ? init : { ...init, body })
      expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([401, 'revoked'])
      expect(response.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"')
    }
    expect(await refusalOf(`${hub.url}/topics/a`, kept)).toBe('open')
    for (const stream of left) {
      expect(stream.text()).not.toContain('revoked')
      stream.close()
    }
  })

  test('that came with a ticket takes the ticket with it, and not its token', async () => {
    const token = await tokenOf({ subscribe: ['a'] }, { sub: 'ticketed' })
    const [ticket, other] = [await ticketOf(hub.url, token, ['a']), await ticketOf(hub.url, token, ['a'])]
    const stream = await open(`${hub.url}/topics/a?ticket=${ticket}`)
    expect(await revoke(hub.url, `/connections/${(await idsOf(hub.url, 'ticketed'))[0]}`)).toMatchObject({
      json: { ended: 1 },
    })
    await stream.ended
    expect(stream.text()).toContain(REVOKED)
    expect(await refusalOf(`${hub.url}/topics/a?ticket=${ticket}`)).toBe('401 revoked')
    expect(await refusalOf(`${hub.url}/topics/a?ticket=${other}`)).toBe('open')
    expect(await refusalOf(`${hub.url}/topics/a`, token)).toBe('open')
  })

  test('that came with a token takes all tickets of it along', async () => {
    const token = await tokenOf({ subscribe: ['a', 'b'] }, { sub: 'parent' })
    const [used, unused] = [await ticketOf(hub.url, token, ['a']), await ticketOf(hub.url, token, ['a'])]
    const stream = await open(`${hub.url}/topics/b`, token)
    const [id] = await idsOf(hub.url, 'parent')
    const ticketed = await open(`${hub.url}/topics/a?ticket=${used}`)
    expect(await revoke(hub.url, `/connections/${id}`)).toMatchObject({ json: { ended: 2 } })
    await Promise.all([stream.ended, ticketed.ended])
    for (const ticket of [used, unused])
      expect(await refusalOf(`${hub.url}/topics/a?ticket=${ticket}`)).toBe('401 revoked')
  })

  test('cannot be kept by another spelling of its token', async () => {
    const token = await tokenOf({ subscribe: ['a'] }, { sub: 'speller' })
    const stream = await open(`${hub.url}/topics/a`, token)
    await revoke(hub.url, `/connections/${(await idsOf(hub.url, 'speller'))[0]}`)
    await stream.ended
    // 32 bytes leave two bits of the last character free: four spellings of one signature.
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const last = alphabet.indexOf(token.at(-1)!)
    const spellings = [1, 2, 3].map((bits) => `${token.slice(0, -1)}${alphabet[last ^ bits]}`)
    for (const spelling of [token, ...spellings])
      expect(await refusalOf(`${hub.url}/topics/a`, spelling)).toMatch(/^401 (revoked|invalid-token)$/)
  })

  test('that is not there is not found', async () => {
    for (const id of ['x', '', '1', 'a%2fb'])
      expect(await revoke(hub.url, `/connections/${id}`)).toMatchObject({
        status: 404,
        json: { code: 'unknown-connection' },
      })
    expect(await revoke(hub.url, '/connections')).toMatchObject({
      status: 400,
      json: { code: 'invalid-query' },
    })
  })

  test('takes an administrator', async () => {
    const headers = bearer(await tokenOf({ publish: ['**'], subscribe: ['**'] }))
    for (const path of ['/connections/x', '/connections?subject=ann']) {
      const response = await fetch(`${hub.url}${path}`, { method: 'DELETE', headers })
      expect(response.status).toBe(403)
    }
  })

  test('on a hub without keys ends, and may come back', async () => {
    await using local = await startHub({ log: 'memory:' })
    const stream = await open(`${local.url}/topics/a`)
    const listed = await fetch(`${local.url}/connections`)
    const { connections } = (await listed.json()) as { connections: { id: string }[] }
    const response = await fetch(`${local.url}/connections/${connections[0]!.id}`, { method: 'DELETE' })
    expect(await response.json()).toEqual({ ended: 1 })
    await stream.ended
    expect(stream.text()).toContain(REVOKED)
    ;(await open(`${local.url}/topics/a`)).close()
  })
})

describe('a subject that is revoked', () => {
  test('loses its streams, tokens and tickets of until then, and gets in with a new token', async () => {
    const old = await tokenOf({ subscribe: ['a'] }, { sub: 'bob', iat: nowS() - 60 })
    const undated = await tokenOf({ subscribe: ['a'] }, { sub: 'bob' })
    const ofTheFuture = await tokenOf({ subscribe: ['a'] }, { sub: 'bob', iat: Date.now() })
    const ticket = await ticketOf(hub.url, old, ['a'])
    const streams = [
      await open(`${hub.url}/topics/a`, old),
      await open(`${hub.url}/topics/a`, undated),
      await open(`${hub.url}/topics/a?ticket=${ticket}`),
    ]
    const spared = await open(`${hub.url}/topics/a`, await tokenOf({ subscribe: ['a'] }, { sub: 'eve' }))
    expect(await revoke(hub.url, '/connections?subject=bob')).toEqual({ status: 200, json: { ended: 3 } })
    for (const stream of streams) {
      await stream.ended
      expect(stream.text()).toContain(REVOKED)
    }
    for (const token of [old, undated, ofTheFuture])
      expect(await refusalOf(`${hub.url}/topics/a`, token)).toBe('401 revoked')
    expect(await refusalOf(`${hub.url}/topics/a?ticket=${ticket}`)).toBe('401 revoked')
    // Tokens count in seconds: one of the next second is surely newer.
    const renewed = await tokenOf({ subscribe: ['a'] }, { sub: 'bob', iat: nowS() + 1 })
    expect(await refusalOf(`${hub.url}/topics/a`, renewed)).toBe('open')
    const again = await ticketOf(hub.url, renewed, ['a'])
    expect(await refusalOf(`${hub.url}/topics/a?ticket=${again}`)).toBe('open')
    expect(spared.text()).not.toContain('revoked')
    spared.close()
  })

  test('is still revoked after the hub was killed, and so is a token', async () => {
    using dir = tempDir()
    const log = `sqlite:${dir.path}/log.db`
    const first = await startHub({ env: KEYS, log })
    const ann = await tokenOf({ subscribe: ['a'] }, { sub: 'ann' })
    const bob = await tokenOf({ subscribe: ['a'] }, { sub: 'bob' })
    const unused = await ticketOf(first.url, bob, ['a'])
    await open(`${first.url}/topics/a`, ann)
    await revoke(first.url, `/connections/${(await idsOf(first.url, 'ann'))[0]}`)
    await revoke(first.url, '/connections?subject=bob')
    await first.kill('SIGKILL')
    await using second = await startHub({ env: KEYS, log })
    for (const token of [ann, bob])
      expect(await refusalOf(`${second.url}/topics/a`, token)).toBe('401 revoked')
    expect(await refusalOf(`${second.url}/topics/a?ticket=${unused}`)).toBe('401 revoked')
  })

  test('is not answered while it waits for history', async () => {
    const token = await tokenOf({ subscribe: ['w'] }, { sub: 'waiter' })
    const headers = { ...bearer(token), Accept: 'application/json' }
    const waiting = fetch(`${hub.url}/topics/w?from=now&wait=30`, { headers })
    const admin = bearer(await tokenOf({ admin: true, publish: ['w'] }, { sub: 'admin' }))
    await revoke(hub.url, '/connections?subject=waiter')
    // However early the revocation came, what is published after it is not for the waiter.
    await fetch(`${hub.url}/topics/w`, { method: 'POST', headers: admin, body: 'secret' })
    const response = await waiting
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([401, 'revoked'])
  })
})

describe('a revocation that comes between the question and the answer', () => {
  test.each([
    ['a stream on a bare socket', { Accept: 'text/event-stream' }],
    ['a stream by node:http', { Accept: 'text/event-stream', TE: 'trailers' }],
    ['history', { Accept: 'application/json' }],
  ])('is heeded before %s is sent', async (_, headers) => {
    const refused: string[] = []
    await using serving = await startServing({
      gate: {
        // It was identified before.
        requireStill({ address }) {
          refused.push(address)
          throw revokedError()
        },
      },
    })
    const stream = await openStream(`${serving.url}/topics/t`, { headers })
    await stream.ended
    expect(stream.status).toBe(401)
    expect(JSON.parse(stream.text())).toMatchObject({ code: 'revoked' })
    expect(refused.length).toBeGreaterThan(0)
    expect(serving.hub.counters.streams).toBe(0)
  })
})

test.skipIf(!chromium)("Chromium's EventSource gives up when it was revoked", async () => {
  await using fronted = await startHub({ env: KEYS, args: ['--retry', '50ms', '--allow-origin', '*'] })
  const ticket = await ticketOf(fronted.url, await tokenOf({ subscribe: ['a'] }, { sub: 'page' }), ['a'])
  await using browser = await launchChromium()
  const page = await browser.newPage()
  const body = `<script>
    window.errors = []
    const source = new EventSource('${fronted.url}/topics/a?ticket=${ticket}')
    source.addEventListener('tailrace.live', () => { window.isLive = true })
    source.addEventListener('tailrace.error', ({ data }) => window.errors.push(data))
    source.onerror = () => { window.state = source.readyState }
  </script>`
  await using site = await servePage(body)
  await page.goto(site.url)
  await page.waitForFunction('window.isLive')
  await revoke(fronted.url, '/connections?subject=page')
  await page.waitForFunction('window.state === EventSource.CLOSED')
  expect(await page.evaluate('window.errors')).toEqual(['{"code":"revoked"}'])
})

describe('revocations', () => {
  const identity = (more: Partial<Identity>): Identity => ({
    by: 'token',
    subject: undefined,
    rights: { publish: [], subscribe: [], isAdmin: false },
    expiresAt: undefined,
    issuedAt: undefined,
    credential: undefined,
    ...more,
  })
  const DAY = 24 * 60 * 60_000
  const loaded = async (...args: Parameters<typeof createRevocations>): Promise<Revocations> => {
    const revocations = createRevocations(...args)
    await revocations.refresh()
    return revocations
  }

  test('last as long as the token, or 30 days where nobody knows how long that is', async () => {
    let time = 2_000_000_000_000
    const start = time
    const log = createMemoryLog({ now: () => time })
    const revocations = await loaded(log, () => time)
    await revocations.revoke({ credential: 'dated', expiresAt: start + 400 * DAY })
    await revocations.revoke({ credential: 'undated', expiresAt: undefined })
    await revocations.revoke({ subject: 'bob' })
    const stateAt = (at: number): boolean[] => {
      time = at
      return [
        { credential: 'dated' },
        { credential: 'dated.ticket' },
        { credential: 'undated' },
        { subject: 'bob' },
        { subject: 'bob', issuedAt: start },
        { subject: 'bob', issuedAt: start + 1 },
        { credential: 'other', subject: 'other' },
      ].map((one) => revocations.isRevoked(identity(one)))
    }
    expect(stateAt(start)).toEqual([true, true, true, true, true, false, false])
    expect(stateAt(start + 30 * DAY - 1)).toEqual([true, true, true, true, true, false, false])
    expect(stateAt(start + 30 * DAY)).toEqual([true, true, false, false, false, false, false])
    expect(stateAt(start + 400 * DAY)).toEqual([false, false, false, false, false, false, false])
  })

  test('of a subject that is revoked again count from the later time', async () => {
    let time = 2_000_000_000_000
    const log = createMemoryLog({ now: () => time })
    const revocations = await loaded(log, () => time)
    await revocations.revoke({ subject: 'bob' })
    time += 10 * DAY
    const renewed = identity({ subject: 'bob', issuedAt: time - DAY })
    expect(revocations.isRevoked(renewed)).toBe(false)
    await revocations.revoke({ subject: 'bob' })
    expect(revocations.isRevoked(renewed)).toBe(true)
    const elsewhere = await loaded(log, () => time)
    expect(elsewhere.isRevoked(renewed)).toBe(true)
  })

  test('that are over are no news, even if the clock of the log is behind', async () => {
    let time = 2_000_000_000_000
    const log = createMemoryLog({ now: () => time - 60_000 })
    const [revocations, elsewhere] = [await loaded(log, () => time), await loaded(log, () => time)]
    await revocations.revoke({ credential: 'dated', expiresAt: time + 1_000 })
    expect(await elsewhere.refresh()).toBeDefined()
    time += 1_001
    expect(await elsewhere.refresh()).toBeUndefined()
    expect(await elsewhere.refresh()).toBeUndefined()
  })

  test('are as many as a hub holds, until some are over', async () => {
    let time = 2_000_000_000_000
    const start = time
    const log = createMemoryLog({ now: () => time })
    const revocations = await loaded(log, () => time)
    await revocations.revoke({ credential: 'first', expiresAt: start + 1 })
    for (let i = 1; i < 100_000; i += 1)
      await revocations.revoke({ credential: `${i}`, expiresAt: start + DAY })
    const one = { credential: 'one more', expiresAt: start + DAY }
    await expect(revocations.revoke(one)).rejects.toMatchObject({ code: 'too-many-revocations' })
    await expect(revocations.revoke({ credential: '1', expiresAt: start + 2 * DAY })).resolves.toBeUndefined()
    time = start + 1
    await revocations.revoke(one)
    expect(revocations.isRevoked(identity(one))).toBe(true)
  })
})
