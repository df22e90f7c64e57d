import { startHub } from '@tailrace/testkit'
import type { HubProcess } from '@tailrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bearer, KEYS, tokenOf } from './auth/tokens.ts'
import { connectRaw } from '../../http/test/raw-connection.ts'

const MIB = 1024 * 1024
/** How much longer others may wait beside a bad batch than beside a good one. */
const MAX_RATIO = 10
/** What is no wait, in milliseconds. */
const SHORT_MS = 100
/** With what was found, the hub had 2.5 GB. */
const MAX_RESIDENT_BYTES = 512 * MIB

let hub: HubProcess
/** The longest that a client has to wait beside a batch of the same size that is taken. */
let ordinaryMs: number

beforeAll(async () => {
  hub = await startHub({ args: ['--max-batch-events', '1000'] })
  const line = `${JSON.stringify({ data: 'x'.repeat(MIB / 2) })}\n`
  ordinaryMs = Math.max(SHORT_MS, await worstWait(post(line.repeat(31))))
})

afterAll(() => hub[Symbol.asyncDispose]())

async function post(body: string | Buffer, path = '/topics/t'): Promise<Record<string, unknown>> {
  const headers = { 'Content-Type': 'application/x-ndjson' }
  const response = await fetch(`${hub.url}${path}`, { method: 'POST', headers, body: body as BodyInit })
  return (await response.json()) as Record<string, unknown>
}

/** The longest that a client had to wait for `/healthz` while something was done. */
async function worstWait(work: Promise<unknown>): Promise<number> {
  let worst = 0
  const isOver = async (): Promise<boolean> => {
    const waited = new Promise<boolean>((resolve) => setImmediate(resolve, false))
    return Promise.race([work.then(() => true), waited])
  }
  while (!(await isOver())) {
    const began = performance.now()
    await (await fetch(`${hub.url}/healthz`)).text()
    worst = Math.max(worst, performance.now() - began)
  }
  return worst
}

async function residentBytes(): Promise<number> {
  const text = await (await fetch(`${hub.url}/metrics`)).text()
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)![1])
}

describe('a large batch that is refused holds nobody up, and takes no more memory than its bytes', () => {
  const fill = (piece: string, bytes = 15 * MIB): string => piece.repeat(Math.floor(bytes / piece.length))
  test.each([
    ['many objects in one value', () => `{"data":[{}${fill(',{}')}]}`, 'event-too-large'],
    ['many lists in one value', () => `{"data":[[]${fill(',[]')}]}`, 'event-too-large'],
    ['many numbers in one value', () => `{"data":[1e1${fill(',1e1')}]}`, 'event-too-large'],
    ['many names in one value', () => `{"data":{"a":1${fill(',"a":1')}}}`, 'event-too-large'],
    ['many fields', () => `{"data":1${fill(',"data":1')}}`, 'event-too-large'],
    ['a deep nest', () => `{"data":${fill('[')}`, 'event-too-large'],
    ['a value without an end', () => `{"data":"${fill('x')}`, 'event-too-large'],
    ['newlines', () => fill('\n'), 'empty-batch'],
    ['lines of spaces', () => fill('  \r\n'), 'empty-batch'],
    ['small events', () => fill('{"data":1}\n'), 'batch-too-large'],
    ['a large field that there is not', () => `{"${fill('x', 5 * MIB)}":1}`, 'invalid-ndjson'],
    ['lines that are no JSON', () => fill('{}\n'), 'invalid-ndjson'],
  ])('%s', async (_, makeBody, code) => {
    const body = Buffer.from(makeBody())
    const answer = post(body)
    expect(await worstWait(answer)).toBeLessThan(MAX_RATIO * ordinaryMs)
    const problem = await answer
    expect(problem['code']).toBe(code)
    expect(JSON.stringify(problem).length).toBeLessThan(600)
    expect(await residentBytes()).toBeLessThan(MAX_RESIDENT_BYTES)
  })
})

test('a batch of more events than are taken is refused at the first that is too much, and says how to raise it', async () => {
  const line = (i: number): string => `{"data":${i}}\n`
  const lines = Array.from({ length: 1_001 }, (_, i) => line(i))
  expect(await post(lines.slice(1).join(''))).toMatchObject({ events: { length: 1_000 } })
  const refused = await post(lines.join(''), '/topics/refused')
  expect(refused).toMatchObject({ status: 413, code: 'batch-too-large', maxBatchEvents: 1_000, line: 1_001 })
  expect(refused['detail']).toContain('--max-batch-events')
})

test('a value that is nested more than 1,000 deep is refused', async () => {
  const nest = (depth: number): string => `{"data":${'['.repeat(depth)}${']'.repeat(depth)}}`
  expect(await post(nest(1_000))).toHaveProperty('events')
  expect(await post(nest(1_001))).toMatchObject({ code: 'invalid-ndjson', line: 1 })
})

test('of a line that is written with escapes, the size of the event counts', async () => {
  const data = '\u0001'.repeat(MIB)
  expect(await post(`${JSON.stringify({ data })}\n`)).toHaveProperty('events')
  expect(await post(`${JSON.stringify({ data: `${data}x` })}\n`)).toMatchObject({
    code: 'event-too-large',
    line: 1,
  })
})

test('a batch whose client leaves is not read on', async () => {
  const raw = connectRaw(hub.port)
  raw.send(
    'POST /topics/left HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: 1000000\r\n\r\n',
  )
  raw.send('{"data":1}\n'.repeat(100))
  raw.reset()
  const held = async (): Promise<string> => (await fetch(`${hub.url}/metrics`)).text()
  await expect.poll(held, { timeout: 10_000 }).toContain('\ntailrace_bodies_bytes 0\n')
})

describe('with rates', () => {
  let limited: HubProcess

  beforeAll(async () => {
    limited = await startHub({ env: KEYS, args: ['--publish-rate', '100', '--publish-bytes', '100KiB'] })
  })

  afterAll(() => limited[Symbol.asyncDispose]())

  async function postAs(sub: string, body: string): Promise<Record<string, unknown>> {
    const token = bearer(await tokenOf({ publish: ['**'] }, { sub }))
    const headers = { ...token, 'Content-Type': 'application/x-ndjson' }
    const response = await fetch(`${limited.url}/topics/t`, { method: 'POST', headers, body })
    return (await response.json()) as Record<string, unknown>
  }

  test.each([
    ['events', 'publish-rate', '{"data":1}\n'.repeat(101)],
    ['bytes', 'publish-bytes', `{"data":"${'x'.repeat(60_000)}"}\n`.repeat(2)],
  ])('a batch of more %s than are earned in a second is refused: it can be split', async (_, limit, body) => {
    expect(await postAs(`large ${limit}`, body)).toMatchObject({
      status: 413,
      code: 'batch-too-large',
      limit,
    })
  })

  test.each([
    ['at its last line', `{"data":"${'x'.repeat(90_000)}"}\n{}\n`.repeat(1), 'invalid-ndjson'],
    ['for its size', '{"data":1}\n'.repeat(1_000), 'batch-too-large'],
  ])('a batch that is refused %s is charged to its client', async (what, body, code) => {
    const sub = `refused ${what}`
    expect(await postAs(sub, body)).toMatchObject({ code })
    expect(await postAs(sub, `{"data":"${'x'.repeat(90_000)}"}\n`)).toBeDefined()
    expect(await postAs(sub, '{"data":1}\n')).toMatchObject({ code: 'too-many-publishes' })
  })
})
