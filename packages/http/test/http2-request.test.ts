import { once } from 'node:events'
import { connect } from 'node:http2'
import type { ClientHttp2Stream } from 'node:http2'
import { text } from 'node:stream/consumers'
import type { Hub } from '@tailrace/hub'
import type { NewEvent } from '@tailrace/log'
import { expect, test } from 'vitest'
import { startServing } from './serving.ts'

const REQUEST_TIMEOUT_MS = 500
const LIMITS = { headTimeoutMs: REQUEST_TIMEOUT_MS, requestTimeoutMs: REQUEST_TIMEOUT_MS }

async function answerOf(stream: ClientHttp2Stream): Promise<{ status: unknown; body: unknown }> {
  stream.on('error', () => {})
  // At once: what nobody reads is gone with its stream.
  const body = text(stream)
  const [head] = (await once(stream, 'response')) as [Record<string, unknown>]
  return { status: head[':status'], body: JSON.parse(await body) as unknown }
}

test('a body over HTTP/2 that comes too slowly is refused, however little it pauses', async () => {
  await using serving = await startServing(LIMITS)
  const session = connect(serving.url)
  const stream = session.request({ ':method': 'POST', ':path': '/topics/t' })
  const drip = setInterval(() => stream.writable && stream.write('x'), REQUEST_TIMEOUT_MS / 20)
  expect(await answerOf(stream)).toMatchObject({ status: 408, body: { code: 'request-timeout' } })
  clearInterval(drip)
  if (!stream.closed) await once(stream, 'close')
  const next = session.request({ ':method': 'POST', ':path': '/topics/t' }).end('at once')
  expect((await answerOf(next)).status).toBe(201)
  expect(
    (await serving.hub.read({ selectors: ['t'] }, new AbortController().signal)) as unknown,
  ).toMatchObject({
    events: [{ data: 'at once' }],
  })
  session.destroy()
})

test('a commit that takes longer than a body may is waited for', async () => {
  await using serving = await startServing({
    ...LIMITS,
    around: (hub) => ({
      publish: (async (batch: readonly NewEvent[]) => {
        await new Promise((resolve) => setTimeout(resolve, 2 * REQUEST_TIMEOUT_MS))
        return hub.publish(batch)
      }) as Hub['publish'],
    }),
  })
  const session = connect(serving.url)
  const stream = session.request({ ':method': 'POST', ':path': '/topics/t' }).end('x')
  expect((await answerOf(stream)).status).toBe(201)
  session.destroy()
})

test('over HTTP/2, a header that no event has is refused as well', async () => {
  await using serving = await startServing()
  const session = connect(serving.url)
  const headers = { ':method': 'POST', ':path': '/topics/t', 'event-kye': 'k' }
  expect(await answerOf(session.request(headers).end('x'))).toMatchObject({
    status: 400,
    body: { code: 'invalid-header', header: 'event-kye' },
  })
  session.destroy()
})

test.each(['Event-Key', 'Event-Remove', 'Event-Type', 'Idempotency-Key'])(
  'over HTTP/2, %s can be given once as well',
  async (name) => {
    await using serving = await startServing()
    const session = connect(serving.url)
    const headers = { ':method': 'POST', ':path': '/topics/t', [name.toLowerCase()]: ['a', 'b'] }
    expect(await answerOf(session.request(headers).end('x'))).toMatchObject({
      status: 400,
      body: { code: 'invalid-header', header: name },
    })
    session.destroy()
  },
)
