import { openStream, startHub } from '@tailrace/testkit'
import type { HubProcess, StreamReader } from '@tailrace/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bearer, KEYS, ticketOf, tokenOf } from '../auth/tokens.ts'
import { childOf, childrenOf, isThere } from './children.ts'
import { connectionsOf, spread } from './connections.ts'
import { ask, askAll } from './request.ts'
import type { Answer } from './request.ts'

/** More than a test needs until both workers serve some of them. */
const MAX_STREAMS = 30
const ARGS = [
  '--workers',
  '2',
  '--max-streams-per-subject',
  `${MAX_STREAMS}`,
  '--publish-rate',
  '100',
  '--drain',
  '1s',
]

let hub: HubProcess
let admin: Record<string, string>

beforeAll(async () => {
  hub = await startHub({ env: KEYS, args: ARGS })
  admin = bearer(await tokenOf({ admin: true, publish: ['**'], subscribe: ['**'] }, { sub: 'admin' }))
}, 30_000)

afterAll(async () => {
  await hub[Symbol.asyncDispose]()
})

/** The value of a metric, with its labels as they are written. */
async function metric(name: string): Promise<number> {
  const { text } = await ask(`${hub.url}/metrics`, { headers: admin })
  const line = text.split('\n').find((one) => one.startsWith(`${name} `))
  return Number(line?.slice(name.length + 1))
}

async function closeAll(streams: readonly StreamReader[]): Promise<void> {
  for (const stream of streams) stream.close()
  await expect.poll(async () => (await connectionsOf(hub.url, admin)).total).toBe(0)
}

const codeOf = ({ status, text }: Answer): string =>
  `${status} ${text === '' ? '' : (JSON.parse(text) as { code?: string }).code}`

test('an event that one worker stores reaches the readers of all', async () => {
  const streams = await spread(hub.url, 'shared', { headers: admin })
  const answers = await askAll(`${hub.url}/topics/shared`, { method: 'POST', headers: admin, body: 'x' })
  const ids = answers.map(({ text }) => (JSON.parse(text) as { id: string }).id)
  for (const stream of streams) {
    const frames = await stream.waitFor((all) => all.filter(({ data }) => data === 'x').length === ids.length)
    const offsets = frames.filter(({ data }) => data === 'x').map(({ id }) => Number(id!.split('.')[1]))
    expect(offsets).toEqual(offsets.toSorted((a, b) => a - b))
    expect(new Set(frames.filter(({ data }) => data === 'x').map(({ id }) => id))).toEqual(new Set(ids))
  }
  await closeAll(streams)
})

test('GET /connections lists the streams of all workers, and each worker says the same', async () => {
  const streams = await spread(hub.url, 'listed', { headers: admin })
  const listings = await askAll(`${hub.url}/connections`, { headers: admin })
  expect(new Set(listings.map(({ text }) => text)).size).toBe(1)
  const { total, connections, unanswered } = await connectionsOf(hub.url, admin)
  expect(total).toBe(streams.length)
  expect(new Set(connections.map(({ worker }) => worker))).toEqual(new Set([1, 2]))
  expect(new Set(connections.map(({ id }) => id)).size).toBe(streams.length)
  expect(unanswered).toBeUndefined()
  expect(await metric('tailrace_connections{transport="socket",state="live"}')).toBe(streams.length)
  await closeAll(streams)
})

test('a stream is ended by its id, and its token refused by all workers, whichever worker is asked', async () => {
  for (const worker of [1, 2]) {
    const token = bearer(await tokenOf({ subscribe: ['own'] }, { sub: `holder ${worker}` }))
    const streams = await Promise.all(
      Array.from({ length: 4 }, () => openStream(`${hub.url}/topics/own`, { headers: token })),
    )
    for (const stream of streams)
      await stream.waitFor((all) => all.some(({ event }) => event === 'tailrace.live'))
    const { connections } = await connectionsOf(hub.url, admin)
    const { id } = connections.find(({ subject }) => subject === `holder ${worker}`)!
    const { text } = await ask(`${hub.url}/connections/${id}`, { method: 'DELETE', headers: admin })
    expect(JSON.parse(text)).toEqual({ ended: 4 })
    for (const stream of streams) await stream.waitFor((all) => all.at(-1)?.event === 'tailrace.error')
    const refusals = await askAll(`${hub.url}/topics/own`, {
      headers: { ...token, Accept: 'application/json' },
    })
    expect(new Set(refusals.map(codeOf))).toEqual(new Set(['401 revoked']))
  }
})

test('a subject is revoked at all workers at once', async () => {
  const token = bearer(await tokenOf({ subscribe: ['own'] }, { sub: 'revoked' }))
  const streams = await Promise.all(
    Array.from({ length: 4 }, () => openStream(`${hub.url}/topics/own`, { headers: token })),
  )
  for (const stream of streams)
    await stream.waitFor((all) => all.some(({ event }) => event === 'tailrace.live'))
  const { text } = await ask(`${hub.url}/connections?subject=revoked`, { method: 'DELETE', headers: admin })
  expect(JSON.parse(text)).toEqual({ ended: 4 })
  const refusals = await askAll(`${hub.url}/topics/own`, {
    headers: { ...token, Accept: 'application/json' },
  })
  expect(new Set(refusals.map(codeOf))).toEqual(new Set(['401 revoked']))
  expect(codeOf(await ask(`${hub.url}/connections/none`, { method: 'DELETE', headers: admin }))).toBe(
    '404 unknown-connection',
  )
})

test('a ticket of one worker opens streams at all', async () => {
  const token = await tokenOf({ subscribe: ['own'] }, { sub: 'ticketed' })
  const ticket = await ticketOf(hub.url, token, ['own'])
  const answers = await askAll(`${hub.url}/topics/own?ticket=${ticket}`, {
    method: 'HEAD',
    headers: { Accept: 'text/event-stream' },
  })
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
})

test('the streams of a subject are counted over all workers, and those that are over no more', async () => {
  const headers = bearer(await tokenOf({ subscribe: ['own'] }, { sub: 'busy' }))
  const opened = await Promise.all(
    Array.from({ length: MAX_STREAMS + 10 }, async () => {
      const stream = await openStream(`${hub.url}/topics/own`, { headers })
      const frames = await stream.waitFor((all) => all.some(({ event }) => event !== undefined))
      return { stream, event: frames.find(({ event }) => event !== undefined)!.event }
    }),
  )
  const live = opened.filter(({ event }) => event === 'tailrace.live')
  expect(live).toHaveLength(MAX_STREAMS)
  live[0]!.stream.close()
  await expect
    .poll(async () => {
      const stream = await openStream(`${hub.url}/topics/own`, { headers })
      const frames = await stream.waitFor((all) => all.some(({ event }) => event !== undefined))
      stream.close()
      return frames.some(({ event }) => event === 'tailrace.live')
    })
    .toBe(true)
  await closeAll(live.map(({ stream }) => stream))
})

test('what a client publishes at one worker counts at all', async () => {
  const headers = bearer(await tokenOf({ publish: ['own'] }, { sub: 'talker' }))
  const body = Array.from({ length: 100 }, () => '{"data":"x"}').join('\n')
  const batch = { method: 'POST', headers: { ...headers, 'Content-Type': 'application/x-ndjson' }, body }
  // Each worker allows for a second in advance, and learns later that others have as well.
  await askAll(`${hub.url}/topics/own`, batch)
  await expect
    .poll(async () => {
      const answers = await askAll(`${hub.url}/topics/own`, { method: 'POST', headers, body: 'x' })
      return new Set(answers.map(codeOf))
    })
    .toEqual(new Set(['429 too-many-publishes']))
})

test('signals that reach all processes of a terminal or a service end none of them by themselves', async () => {
  const children = childrenOf(hub.pid)
  expect(children.map(({ name }) => name)).toEqual(['log owner', 'worker 1', 'worker 2'])
  for (const { pid } of children)
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.kill(pid, signal)
  const answers = await askAll(`${hub.url}/readyz`)
  expect(new Set(answers.map(({ text }) => text))).toEqual(new Set(['{"status":"ready"}\n']))
  expect(childrenOf(hub.pid)).toEqual(children)
})

test('a worker that stands still is named, and the others answer for themselves', async () => {
  const { pid } = childOf(hub.pid, 'worker 2')!
  process.kill(pid, 'SIGSTOP')
  const anyone = async (path: string): Promise<unknown> => {
    const init = { headers: admin, timeoutMs: 5_000 }
    const answers = Array.from({ length: 20 }, () => ask(`${hub.url}${path}`, init))
    return JSON.parse((await Promise.any(answers)).text) as unknown
  }
  const listing = anyone('/connections')
  // The worker that is asked may use the answer of a second ago once more.
  await expect
    .poll(() => anyone('/readyz'), { timeout: 10_000 })
    .toMatchObject({ code: 'overloaded', detail: 'These workers do not answer: 2.' })
  expect(await listing).toMatchObject({ unanswered: [2] })
  process.kill(pid, 'SIGCONT')
  await expect.poll(async () => (await ask(`${hub.url}/readyz`)).status, { timeout: 10_000 }).toBe(200)
  expect(childOf(hub.pid, 'worker 2')!.pid).toBe(pid)
}, 30_000)

test('a worker that dies is replaced; its readers resume, those of others notice nothing, and no counter falls', async () => {
  const streams = await spread(hub.url, 'left', { headers: admin })
  const before = await metric('tailrace_streams_total')
  const published = await metric('tailrace_publishes_total')
  const { pid } = childOf(hub.pid, 'worker 1')!
  process.kill(pid, 'SIGKILL')
  let least = before
  await expect
    .poll(
      async () => {
        const now = await metric('tailrace_streams_total').catch(() => least)
        expect(now).toBeGreaterThanOrEqual(least)
        least = now
        return metric('tailrace_replacements_total{process="worker 1"}').catch(() => 0)
      },
      { timeout: 20_000 },
    )
    .toBe(1)
  expect(await metric('tailrace_publishes_total')).toBe(published)
  expect(hub.output()).toContain('tailrace: worker 1: ended (SIGKILL), and is replaced\n')
  await ask(`${hub.url}/topics/left`, { method: 'POST', headers: admin, body: 'after' })
  const { connections } = await connectionsOf(hub.url, admin)
  expect(connections.length).toBeGreaterThan(0)
  expect(connections.length).toBeLessThan(streams.length)
  await expect
    .poll(() => streams.filter((stream) => stream.frames().at(-1)?.data === 'after').length)
    .toBe(connections.length)
  for (const stream of streams) stream.close()
}, 30_000)

test('an owner of the log that dies is replaced while all streams stay open', async () => {
  const streams = await spread(hub.url, 'kept', { headers: admin })
  process.kill(childOf(hub.pid, 'log owner')!.pid, 'SIGKILL')
  await expect
    .poll(
      async () => (await ask(`${hub.url}/topics/kept`, { method: 'POST', headers: admin, body: 'x' })).status,
      { timeout: 20_000 },
    )
    .toBe(201)
  for (const stream of streams) {
    const frames = await stream.waitFor((all) => all.at(-1)?.data === 'x')
    expect(frames.filter(({ event }) => event?.startsWith('tailrace.'))).toHaveLength(1)
  }
  expect(hub.output().match(/the log is interrupted/g)!.length).toBeGreaterThan(0)
  await closeAll(streams)
}, 30_000)

test('a hub that is told to stop ends the streams of all workers, spread over the drain, and then its processes', async () => {
  const streams = await spread(hub.url, 'last', { headers: admin })
  const children = childrenOf(hub.pid)
  expect(await hub.kill('SIGTERM')).toEqual({ code: 0, signal: null })
  for (const stream of streams) {
    await stream.ended
    expect(stream.frames().at(-1)).toMatchObject({ event: 'tailrace.error', data: '{"code":"draining"}' })
  }
  expect(children.filter(({ pid }) => isThere(pid))).toEqual([])
  expect(hub.output()).toMatch(/tailrace: draining: [^\n]*\ntailrace: stopped\n$/)
}, 30_000)
