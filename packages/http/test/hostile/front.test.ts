import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServing } from '../serving.ts'
import type { Serving } from '../serving.ts'
import { ask, askInTurn } from './asking.ts'
import type { RawAnswer } from './asking.ts'
import { fuzz, FUZZ } from './fuzz.ts'

const OPTIONS = {
  headTimeoutMs: 2_000,
  requestTimeoutMs: 4_000,
  hub: { maxEventBytes: 1024, maxBatchBytes: 4096 },
  gate: { corsHeaders: () => ({ Vary: 'Origin' }) },
}

let front: Serving
let plain: Serving

beforeAll(async () => {
  front = await startServing(OPTIONS)
  plain = await startServing({ ...OPTIONS, hasFront: false })
  for (const { hub } of [front, plain])
    await hub.publish([
      { topic: 'open', data: 'one', key: 'k' },
      { topic: 'over', data: 'two\nlines', type: 't' },
      { topic: 'over', data: 'end', end: true },
    ])
})

afterAll(async () => {
  await front[Symbol.asyncDispose]()
  await plain[Symbol.asyncDispose]()
})

const readTarget = fc.constantFrom(
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
const readHeader = fc.constantFrom(
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
const reading = fc
  .tuple(
    fc.constantFrom('GET', 'GET', 'GET', 'HEAD', 'OPTIONS'),
    readTarget,
    fc.array(readHeader, { maxLength: 4 }),
  )
  .map(
    ([method, url, headers]) =>
      `${method} ${url} HTTP/1.1\r\n${['Host: h', ...headers, '', ''].join('\r\n')}`,
  )

const publishTarget = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom('/topics/open', '/topics/a/b') },
  { weight: 4, arbitrary: fc.constant('/topics') },
  fc.constantFrom(
    '/topics/over',
    '/topics/a%20b',
    '/topics/%c3%a9',
    '/topics/%ff',
    '/topics/a%2fb',
    '/topics/a//b',
    '/topics/*',
    '/topics/',
    '/topics/open?key=k',
    '/topics/open?',
    '/tickets',
    '/events',
    'http://h/topics/open',
  ),
)
const publishHeader = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.constantFrom(
      'Content-Type: text/plain; charset=utf-8',
      'Event-Type: t',
      'event-type: \xc3\xa9',
      'Event-Key: k',
      'Idempotency-Key: one',
      'Idempotency-Key: two',
      'Origin: http://h',
      'Connection: keep-alive',
      'Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    ),
  },
  fc.constantFrom(
    'Event-Type: tailrace.x',
    'Event-Type: \xff',
    'Event-Type:',
    'Event-Remove: true',
    'Event-Remove: yes',
    'Event-Keys: k',
    'Content-Encoding: gzip',
    'Content-Encoding: identity',
    'Traceparent: x',
    'Origin: null',
    'Connection: close',
    'Proxy-Connection: close',
    'Expect: 100-continue',
    'Expect: more',
    'Upgrade: x',
    'TE: trailers',
    'Host: other',
    'X : y',
  ),
)
const LINES = '{"topic":"open","data":"a"}\n{"topic":"open","data":"b","key":"k"}\n'
const body = fc.constantFrom('', 'hi', '{"a":1}', '\xc3\xa9', '\xff', LINES, `${LINES}{}\n`, 'x'.repeat(1025))
const content = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ isBatch: fc.constant(false), sent: fc.constantFrom('', 'hi', '\xc3\xa9') }),
  },
  { weight: 3, arbitrary: fc.constant({ isBatch: true, sent: LINES }) },
  fc.record({ isBatch: fc.boolean(), sent: body }),
)
/** A publish, and where it is cut in pieces. */
const publishing = fc
  .record({
    target: publishTarget,
    version: fc.oneof({ weight: 9, arbitrary: fc.constant('1.1') }, fc.constantFrom('1.0', '1.2')),
    framing: fc.oneof({ weight: 9, arbitrary: fc.constant('length') }, fc.constantFrom('chunked', 'twice')),
    headers: fc.array(publishHeader, { maxLength: 3 }),
    content,
    cuts: fc.array(fc.nat(), { maxLength: 3 }),
  })
  .map(({ target, version, framing, headers, content: { isBatch, sent }, cuts }) => {
    const fields = ['Host: h', ...headers]
    if (isBatch) fields.push('Content-Type: application/x-ndjson')
    if (framing === 'chunked') fields.push('Transfer-Encoding: chunked')
    else fields.push(`Content-Length: ${sent.length}`)
    if (framing === 'twice') fields.push(`Content-Length: ${sent.length}`)
    const chunk = sent === '' ? '' : `${sent.length.toString(16)}\r\n${sent}\r\n`
    const text = `POST ${target} HTTP/${version}\r\n${fields.join('\r\n')}\r\n\r\n${framing === 'chunked' ? `${chunk}0\r\n\r\n` : sent}`
    return pieces(text, cuts)
  })

function pieces(text: string, cuts: readonly number[]): string[] {
  const places = [0, ...cuts.map((cut) => cut % text.length).toSorted((a, b) => a - b), text.length]
  return places.slice(1).map((end, i) => text.slice(places[i], end))
}

test('with the front or without it, a reader receives the same answer', FUZZ, async () => {
  await fuzz(
    fc.asyncProperty(reading, async (text) => {
      const [answer, expected] = await Promise.all([ask(front.port, text), ask(plain.port, text)])
      expect(essence(answer), text).toEqual(essence(expected))
    }),
    400,
  )
  expect([...front.errors, ...plain.errors]).toEqual([])
})

test(
  'with the front or without it, publishes over one connection have the same effects and answers',
  FUZZ,
  async () => {
    let stored = 0
    await fuzz(
      fc.asyncProperty(fc.array(publishing, { minLength: 1, maxLength: 4 }), async (requests) => {
        const [answers, expected] = await Promise.all([
          askInTurn(front.port, requests),
          askInTurn(plain.port, requests),
        ])
        expect(answers.map(comparable), JSON.stringify(requests)).toEqual(expected.map(comparable))
        stored += answers.filter((text) => text.includes('201 Created')).length
      }),
      200,
    )
    // Else it would have looked at refusals only.
    expect(stored).toBeGreaterThan(100)
    expect([...front.errors, ...plain.errors]).toEqual([])
  },
)

/** What a client goes by. */
function essence({ status, code, text, body: received }: RawAnswer): unknown {
  const [, type] = /^Content-Type: (.*)\r$/im.exec(text) ?? []
  return { status, code, type, body: comparable(received) }
}

/**
 * An answer without times, the epoch of the log, and when to come back to a stream. The offset of an event stays. A
 * refusal closes the connection or not.
 */
function comparable(text: string): string {
  const same = text
    .replace(/^Date: .*$/m, 'Date:')
    .replace(/^retry: \d+$/m, 'retry:')
    .replaceAll(/"time":"[^"]*"/g, '"time":')
    .replaceAll(/\b[a-z0-9]{8}\.(?=\d)/g, 'epoch.')
  return /^HTTP\/1\.1 [45]/.test(same) ? same.replaceAll(/^(?:Connection|Keep-Alive): .*\r\n/gm, '') : same
}
