import { once } from 'node:events'
import { connect } from 'node:http2'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectRaw } from '../raw-connection.ts'
import { startServing } from '../serving.ts'
import type { Serving } from '../serving.ts'

let serving: Serving

beforeAll(async () => {
  serving = await startServing()
})

afterAll(() => serving[Symbol.asyncDispose]())

async function topics(): Promise<string[]> {
  const found = await serving.hub.topics({ prefix: '', after: '', limit: 100 })
  return found.map(({ topic }) => topic)
}

test.each([
  ['two hosts', 'Host: a\r\nHost: b\r\nContent-Length: 1\r\n\r\nx'],
  ['the same host twice', 'Host: a\r\nhost: a\r\nContent-Length: 1\r\n\r\nx'],
  ['a coding beside chunked', 'Host: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n'],
  [
    'codings in two headers',
    'Host: a\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n',
  ],
])('%s are refused, and nothing is stored', async (_, rest) => {
  using raw = connectRaw(serving.port)
  raw.send(`POST /topics/framing HTTP/1.1\r\n${rest}`)
  expect(await raw.closed).toMatch(/^HTTP\/1.1 400 [^]*"code":"malformed-request"/)
  expect(await topics()).not.toContain('framing')
})

test.each([
  'Connection: Upgrade\r\nUpgrade: x',
  'Connection: keep-alive, upgrade\r\nUpgrade: h2c',
  'Upgrade: x',
])('nothing behind a request with %s is run as another one', async (fields) => {
  using raw = connectRaw(serving.port)
  const head = `POST /topics/upgrade HTTP/1.1\r\nHost: x\r\n${fields}\r\nContent-Length: 2\r\n\r\nhi`
  const hidden = 'POST /topics/hidden HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx'
  raw.send(`${head}POST /topics/outer HTTP/1.1\r\nHost: x\r\nContent-Length: ${hidden.length}\r\n\r\n`)
  raw.send(hidden)
  const answer = await raw.closed
  expect(answer).toMatch(/^HTTP\/1.1 201 Created\r\n[^]*\r\nConnection: close\r\n/)
  expect(answer.match(/^HTTP\/1.1 /gm)).toHaveLength(1)
  expect(await topics()).not.toContain('hidden')
})

test('a ticket that is given twice is refused', async () => {
  const response = await fetch(`${serving.url}/topics/t?ticket=a&ticket=b`)
  expect([response.status, await response.json()]).toMatchObject([
    400,
    { code: 'invalid-query', parameter: 'ticket' },
  ])
})

test('over HTTP/2, a host that is another one than the authority is refused', async () => {
  const session = connect(serving.url)
  const names = { ':authority': 'localhost', host: 'other.example' }
  const other = session.request({ ':path': '/topics/t', accept: 'application/json', ...names })
  const [head] = (await once(other, 'response')) as [Record<string, unknown>]
  expect([head[':status'], JSON.parse(await text(other))]).toMatchObject([400, { code: 'malformed-request' }])
  session.destroy()
})

test.each([
  ['a path that there is not', 'POST /nothing HTTP/1.1', 'Content-Length: 5', 404],
  ['a body that is too large', 'POST /topics/t HTTP/1.1', 'Content-Length: 5000000', 413],
  ['a coded body', 'POST /topics/t HTTP/1.1', 'Content-Length: 5\r\nContent-Encoding: gzip', 415],
])('for %s, a client is not asked to go on', async (_, line, fields, status) => {
  using raw = connectRaw(serving.port)
  raw.send(`${line}\r\nHost: x\r\nExpect: 100-continue\r\n${fields}\r\n\r\n`)
  expect(await raw.closed).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
})

test('a client that waits to be asked for its body is, once it may send it', async () => {
  using raw = connectRaw(serving.port)
  raw.send('POST /topics/asked HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n')
  await raw.until((all) => all === 'HTTP/1.1 100 Continue\r\n\r\n')
  raw.send('hi')
  expect(await raw.until((all) => all.endsWith('}\n'))).toContain('HTTP/1.1 201 Created')
})

test('so is one over HTTP/2', async () => {
  const session = connect(serving.url)
  const stream = session.request({ ':method': 'POST', ':path': '/topics/asked', expect: '100-continue' })
  await once(stream, 'continue')
  const answered = once(stream, 'response')
  stream.end('hi')
  const [head] = (await answered) as [Record<string, unknown>]
  expect(head[':status']).toBe(201)
  session.destroy()
})

test('what a client is told of its own text is short', async () => {
  const name = 'x'.repeat(10_000)
  for (const query of [`${name}=1`, `gap=${name}`]) {
    const response = await fetch(`${serving.url}/topics/t?${query}`)
    expect(response.status).toBe(400)
    expect((await response.text()).length).toBeLessThan(600)
  }
})

test('an Accept that is too long is refused', async () => {
  const response = await fetch(`${serving.url}/topics/t`, { headers: { Accept: `"${','.repeat(10_000)}` } })
  expect([response.status, await response.json()]).toMatchObject([
    400,
    { code: 'invalid-header', header: 'Accept' },
  ])
})
