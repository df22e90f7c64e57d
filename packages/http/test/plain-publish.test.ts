import { Budget } from '@tailrace/http/gate'
import { LogError } from '@tailrace/log'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { connectRaw } from './raw-connection.ts'
import { startServing } from './serving.ts'
import type { Serving } from './serving.ts'

let serving: Serving
let bodies: Budget

beforeEach(async () => {
  bodies = new Budget('max-bodies')
  serving = await startServing({
    headTimeoutMs: 500,
    requestTimeoutMs: 500,
    answerTimeoutMs: 500,
    gate: { bodies },
  })
})

afterEach(() => serving[Symbol.asyncDispose]())

const publish = (data: string, fields = ''): string =>
  `POST /topics/t HTTP/1.1\r\nHost: x\r\n${fields}Content-Length: ${data.length}\r\n\r\n${data}`
const answers = (text: string): number => text.match(/^HTTP\/1\.1 201 Created\r\n/gm)?.length ?? 0

async function stored(): Promise<string[]> {
  const data: string[] = []
  for (let after = 0, more = true; more;) {
    const page = await serving.log.read({ selectors: ['t'], after, limit: 1_000, maxBytes: 1_000_000 })
    data.push(...page.events.map((event) => event.data))
    after = page.next
    more = page.more
  }
  return data
}

test('a connection publishes again and again, also after it sent what is left to node:http', async () => {
  using raw = connectRaw(serving.port)
  const chunked =
    'POST /topics/t HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nc\r\n0\r\n\r\n'
  const sent = [publish('a'), publish('b'), chunked, publish('d')]
  for (const [i, text] of sent.entries()) {
    raw.send(text)
    await raw.until((all) => answers(all) === i + 1)
  }
  expect(await stored()).toEqual(['a', 'b', 'c', 'd'])
})

test('publishes that are sent without waiting are stored and answered in order', async () => {
  using raw = connectRaw(serving.port)
  const data = Array.from({ length: 200 }, (_, i) => `event ${i}`)
  const text = data.map((one) => publish(one)).join('')
  // Cut at places that are neither ends of heads nor of bodies.
  for (let at = 0; at < text.length; at += 1013) raw.send(text.slice(at, at + 1013))
  const all = await raw.until((so) => answers(so) === data.length)
  expect(await stored()).toEqual(data)
  const offsets = Array.from(all.matchAll(/"id":"[a-z0-9]+\.(\d+)"/g), ([, offset]) => Number(offset))
  expect(offsets).toEqual(data.map((_, i) => i + 1))
})

test('a connection is read again after publishes that arrived together', async () => {
  using raw = connectRaw(serving.port)
  raw.send(publish('a') + publish('b'))
  await raw.until((all) => answers(all) === 2)
  raw.send(publish('c'))
  await raw.until((all) => answers(all) === 3)
  expect(await stored()).toEqual(['a', 'b', 'c'])
})

test('an outage is reported once, whichever way the publishes take that it refuses', async () => {
  const full = new LogError('full', 'The disk is full.')
  await using own = await startServing({
    around: () => ({ publish: (): Promise<never> => Promise.reject(full) }),
  })
  for (const way of ['', 'Connection: close\r\n']) {
    using raw = connectRaw(own.port)
    raw.send(publish('a', way))
    await raw.until((all) => all.startsWith('HTTP/1.1 503 '))
  }
  expect(own.errors).toEqual([full])
})

test('a stream may follow publishes on their connection, whether or not it waits for their answers', async () => {
  using raw = connectRaw(serving.port)
  raw.send(publish('hi'))
  await raw.until((all) => answers(all) === 1)
  raw.send(`${publish('ho')}GET /topics/t?from=start HTTP/1.1\r\nHost: x\r\n\r\n`)
  expect(await raw.until((all) => all.includes('tailrace.live'))).toMatch(/data: hi\n[^]*data: ho\n/)
})

test.each([
  ['resets its connection', (raw: ReturnType<typeof connectRaw>): void => raw.reset(), /^$/],
  [
    'closes its half',
    (raw: ReturnType<typeof connectRaw>): void => raw.finish(),
    /^HTTP\/1\.1 400 [^]*"code":"malformed-request"/,
  ],
])('a client that %s in the middle of a body leaves nothing behind', async (_, leave, answer) => {
  using raw = connectRaw(serving.port)
  raw.send('POST /topics/t HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf')
  await expect.poll(() => bodies.used).toBeGreaterThan(0)
  leave(raw)
  expect(await raw.closed).toMatch(answer)
  await expect.poll(() => [bodies.used, serving.errors]).toEqual([0, []])
  await expect.poll(() => serving.connections()).toBe(0)
  expect(await stored()).toEqual([])
})

test('a body that comes too slowly is refused, and not stored', async () => {
  using raw = connectRaw(serving.port)
  raw.send(publish('first'))
  await raw.until((all) => answers(all) === 1)
  raw.send('POST /topics/t HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf')
  expect(await raw.closed).toMatch(/HTTP\/1\.1 408 [^]*\r\nConnection: close\r\n[^]*"code":"request-timeout"/)
  await expect.poll(() => bodies.used).toBe(0)
  expect(await stored()).toEqual(['first'])
})

test('a body that is not wanted is not read to its end', async () => {
  using raw = connectRaw(serving.port)
  raw.send(`POST /topics/t HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n${'x'.repeat(1000)}`)
  expect(await raw.closed).toMatch(/^HTTP\/1\.1 413 [^]*\r\nConnection: close\r\n/)
})

test('a client that reads no answers is cut, and does not fill the memory', async () => {
  using raw = connectRaw(serving.port)
  raw.send(publish('first'))
  await raw.until((all) => answers(all) === 1)
  raw.pause()
  // More answers than the kernel takes for who reads nothing.
  const refused = `POST /topics/t HTTP/1.1\r\nHost: x\r\nEvent-${'x'.repeat(100)}: 1\r\n\r\n`
  raw.send(refused.repeat(15_000))
  await expect.poll(() => serving.connections(), { timeout: 30_000 }).toBe(0)
})
