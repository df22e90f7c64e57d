import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createHandler, createHttpServer } from '@tailrace/http/node'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { OPEN_GATE } from '../../src/gate.ts'
import { startServing } from '../serving.ts'
import { ask } from './asking.ts'
import type { RawAnswer } from './asking.ts'
import { fuzz, FUZZ } from './fuzz.ts'

const LIMITS = { maxHeadBytes: 16 * 1024, headTimeoutMs: 2_000, requestTimeoutMs: 4_000 }

const target = fc.constantFrom(
  '/topics/over?from=start',
  '/topics/over',
  '/topics/open?from=start',
  '/events?topic=over&from=start',
  '/events?topic=over&topic=open&from=start&envelope=json',
  '/events?topic=**&from=start',
  '/topics/over?gap=never',
  '/topics/ov%65r?from=start',
  '/topics/a%2fb',
  '/topics/a//b',
  '/events',
  '/events?topic=%ff',
  '/topics/',
  '/topics/over?lastEventId=x.1',
  '/topics/open?snapshot=true',
  '/topics/open?ticket=x',
  '/topics/over?from=start#x',
)
const header = fc.constantFrom(
  'Accept: text/event-stream',
  'Accept: application/json',
  'Accept: text/html',
  'accept:*/*',
  'Accept: text/event-stream;q=0, */*',
  'Last-Event-ID: ',
  'Last-Event-ID: nonsense.1',
  'last-event-id:\t\xff ',
  'Connection: keep-alive',
  'Connection: close',
  'Cookie: tailrace=x',
  'Authorization: Basic x',
  'Origin: null',
  'TE: trailers',
  'X-Y: \xe9',
  'Host: other',
  'Content-Length: 0',
)
const request = fc
  .tuple(fc.constantFrom('GET', 'GET', 'GET', 'HEAD', 'OPTIONS'), target, fc.array(header, { maxLength: 4 }))
  .map(
    ([method, url, headers]) =>
      `${method} ${url} HTTP/1.1\r\n${['Host: h', ...headers, '', ''].join('\r\n')}`,
  )

test('with the front or without it, the answer is the same', FUZZ, async () => {
  await using serving = await startServing(LIMITS)
  await serving.hub.publish([
    { topic: 'open', data: 'one', key: 'k' },
    { topic: 'over', data: 'two\nlines', type: 't' },
    { topic: 'over', data: 'end', end: true },
  ])
  const plain = createHttpServer(
    createHandler(serving.hub, { gate: OPEN_GATE, onError: (error) => serving.errors.push(error) }),
    LIMITS,
  )
  plain.listen(0, '127.0.0.1')
  await once(plain, 'listening')
  const { port } = plain.address() as AddressInfo
  try {
    await fuzz(
      fc.asyncProperty(request, async (text) => {
        expect(essence(await ask(serving.port, text)), text).toEqual(essence(await ask(port, text)))
      }),
      500,
    )
    expect(serving.errors).toEqual([])
  } finally {
    plain.close()
    plain.closeAllConnections()
  }
})

/** What a client goes by. Each stream is told another time to come back after. */
function essence({ status, code, text, body }: RawAnswer): unknown {
  const [, type] = /^Content-Type: (.*)\r$/im.exec(text) ?? []
  return { status, code, type, body: body.replace(/^retry: \d+$/m, 'retry:') }
}
