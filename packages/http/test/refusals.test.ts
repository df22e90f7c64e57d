import { openStream } from '@tailrace/testkit'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { answerOf, refusal } from './problem-shape.ts'
import { startServing } from './serving.ts'
import type { Serving } from './serving.ts'
import { openWitness } from '../../server/test/support/witness.ts'
import type { Witness } from '../../server/test/support/witness.ts'

let serving: Serving
let witness: Witness

beforeAll(async () => {
  serving = await startServing({
    hub: { maxEventBytes: 1000, maxBatchBytes: 2000 },
  })
  witness = await openWitness(serving)
})

afterAll(async () => {
  witness.close()
  await serving[Symbol.asyncDispose]()
})

/** Whatever was refused, others are served on. */
afterEach(() => witness.confirm())

type Facts = Readonly<Record<string, unknown>>

interface Refusal {
  readonly path: string
  readonly init?: RequestInit
  readonly status: number
  readonly code: string
  readonly facts?: Facts
}

const NDJSON = { 'Content-Type': 'application/x-ndjson' }
const post = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  body,
  headers,
})
const lines = (...all: readonly string[]): RequestInit => post(all.join('\n'), NDJSON)
const json: RequestInit = { headers: { Accept: 'application/json' } }
const badTopic = (path: string): Refusal => ({
  path: `/topics/${path}`,
  init: post('x'),
  status: 400,
  code: 'invalid-topic',
  facts: { flaw: expect.any(String) },
})
const badPath = (path: string, init: RequestInit = post('x')): Refusal => ({
  path,
  init,
  status: 400,
  code: 'invalid-path',
})
const badLine = (line: number, ...all: readonly string[]): Refusal => ({
  path: '/topics/t',
  init: lines(...all),
  status: 400,
  code: 'invalid-ndjson',
  facts: { line },
})
const badQuery = (path: string, parameter: string, init: RequestInit = {}): Refusal => ({
  path,
  init,
  status: 400,
  code: 'invalid-query',
  facts: { parameter },
})
const badHeader = (header: string, init: RequestInit, path = '/topics/t'): Refusal => ({
  path,
  init,
  status: 400,
  code: 'invalid-header',
  facts: { header },
})
const bad = (
  code: string,
  init: RequestInit,
  facts: Facts = {},
  status = 400,
  path = '/topics/t',
): Refusal => ({
  path,
  init,
  status,
  code,
  facts,
})

const TABLE: Readonly<Record<string, Refusal>> = {
  'no topic': badTopic(''),
  'an empty segment': badTopic('a//b'),
  'a slash at the end': badTopic('a/'),
  'a control character': badTopic('a%0Ab'),
  'a NUL': badTopic('a%00'),
  'a C1 control character': badTopic('a%C2%85b'),
  'a wildcard': badTopic('a*'),
  'a wildcard, encoded': badTopic('%2A'),
  'a topic that is too long': badTopic('é'.repeat(129)),
  'a slash that is encoded': badPath('/topics/a%2fb'),
  'an overlong slash': badPath('/topics/a%c0%afb'),
  'half of a percent-encoding': badPath('/topics/a%e'),
  'half of a surrogate pair': badPath('/topics/%ed%a0%80'),
  'a query that is no UTF-8': badPath('/events?topic=%ff', {}),
  'a bad selector': {
    path: '/events?topic=a*b',
    status: 400,
    code: 'invalid-selector',
    facts: { flaw: expect.any(String) },
  },
  'a selector with ** in its middle': {
    path: '/events?topic=a/**/b',
    init: json,
    status: 400,
    code: 'invalid-selector',
    facts: { flaw: expect.any(String) },
  },
  'a body that is no UTF-8': bad('invalid-utf8', post(new Uint8Array([0x61, 0xff]))),
  'a body with half a character': bad('invalid-utf8', post(new Uint8Array([0xf0, 0x9f, 0x98]))),
  'a body with an encoded surrogate': bad('invalid-utf8', post(new Uint8Array([0xed, 0xa0, 0x80]))),
  'a body that is too large': bad('event-too-large', post('x'.repeat(1001)), { maxBytes: 1000 }, 413),
  'a body that is compressed': bad(
    'unsupported-encoding',
    post('x', { 'Content-Encoding': 'gzip' }),
    {},
    415,
  ),
  'a line that is no JSON': badLine(2, '{"data":1}', '{"data":'),
  'a line that is a list': badLine(1, '[1]'),
  'a line that is a number': badLine(1, '1.0'),
  'a line that is null': badLine(3, '{"data":1}', '', 'null'),
  'a line without data': badLine(1, '{}'),
  'a line without data that does not end': badLine(1, '{"end":false}'),
  'a line with an unknown field': badLine(1, '{"data":"x","Type":"y"}'),
  'a line with a prototype': badLine(1, '{"data":"x","__proto__":{}}'),
  'a type that is a number': badLine(1, '{"data":"x","type":1}'),
  'a key that is null': badLine(1, '{"data":"x","key":null}'),
  'an idempotency key that is a list': badLine(1, '{"data":"x","idempotencyKey":[]}'),
  'an end that is a text': badLine(1, '{"data":"x","end":"true"}'),
  'a topic other than that of the path': badLine(1, '{"data":"x","topic":"u"}'),
  'a topic that is a number': badLine(1, '{"data":"x","topic":1}'),
  'a line without a topic': { ...badLine(1, '{"data":"x"}'), path: '/topics' },
  'a batch of nothing': bad('empty-batch', lines('', '')),
  'a CR in the type of a line': bad('invalid-type', lines('{"data":"x","type":"a\\rb"}'), { line: 1 }),
  'an LF in the type of a line': bad(
    'invalid-type',
    lines('{"data":"x"}', '{"data":"x","type":"a\\nid: 1"}'),
    { line: 2 },
  ),
  'a NUL in the type of a line': bad('invalid-type', lines('{"data":"x","type":"\\u0000"}'), { line: 1 }),
  'an LF in the key of a line': bad('invalid-key', lines('{"data":"x","key":"a\\n"}'), { line: 1 }),
  'a CR in the key of a line': bad('invalid-key', lines('{"data":"x","key":"\\r"}'), { line: 1 }),
  'an LF in the idempotency key of a line': bad(
    'invalid-idempotency-key',
    lines('{"data":"x","idempotencyKey":"\\n"}'),
    { line: 1 },
  ),
  'half a surrogate pair as data': bad('invalid-data', lines('{"data":"\\ud800"}'), { line: 1 }),
  'a bad topic in a line': {
    ...bad('invalid-topic', lines('{"data":"x","topic":"a//b"}'), { flaw: expect.any(String), line: 1 }),
    path: '/topics',
  },
  'a type of the hub': bad('reserved-type', post('x', { 'Event-Type': 'tailrace.live' })),
  'a type that is too long': bad('invalid-type', post('x', { 'Event-Type': 'x'.repeat(257) })),
  'an empty type': bad('invalid-type', post('x', { 'Event-Type': '' })),
  'an empty key': bad('invalid-key', post('x', { 'Event-Key': '' })),
  'an idempotency key that is too long': bad(
    'invalid-idempotency-key',
    post('x', { 'Idempotency-Key': 'x'.repeat(257) }),
  ),
  'a type that is no UTF-8': badHeader('Event-Type', post('x', { 'Event-Type': '\xff' })),
  'a cursor that is no UTF-8': badHeader('Last-Event-ID', { headers: { 'Last-Event-ID': '\xff' } }),
  'an end that is neither true nor false': badHeader('Event-End', post('x', { 'Event-End': '1' })),
  'a type for a whole batch': badHeader('Event-Type', post('{"data":"x"}', { ...NDJSON, 'Event-Type': 'a' })),
  'one event without a topic': badHeader('Content-Type', post('x'), '/topics'),
  'an unknown parameter': badQuery('/topics/t?form=start', 'form'),
  'an unknown parameter of history': badQuery('/topics/t?gap=live', 'gap', json),
  'an unknown parameter of the list': badQuery('/topics?selector=a', 'selector'),
  'a parameter of the list twice': badQuery('/topics?limit=1&limit=2', 'limit'),
  'a limit of the list that is too large': badQuery('/topics?limit=1001', 'limit'),
  'a limit of the list that is no number': badQuery('/topics?limit=many', 'limit'),
  'a limit that is no number': badQuery('/topics/t?limit=many', 'limit', json),
  'a wait that is too long': badQuery('/topics/t?wait=600', 'wait', json),
  'an unknown policy': badQuery('/topics/t?gap=ignore', 'gap'),
  'an unknown envelope': badQuery('/topics/t?envelope=xml', 'envelope'),
  'from twice': badQuery('/topics/t?from=now&from=start', 'from'),
  'no topic on /events': badQuery('/events', 'topic'),
  'a topic twice over': badQuery('/topics/t?topic=u', 'topic'),
  'a snapshot from the start': badQuery('/topics/t?snapshot=true&from=start', 'from'),
  'too many topics': {
    path: `/events?${'topic=a&'.repeat(101)}`,
    status: 400,
    code: 'too-many-selectors',
    facts: { selectors: 101, max: 100 },
  },
  'a path that is not there': { path: '/', status: 404, code: 'not-found' },
  'a path above all': { path: '/topicsx/t', status: 404, code: 'not-found' },
  'a method that is not there': { path: '/events', init: post('x'), status: 405, code: 'method-not-allowed' },
  'a media type that is not there': {
    path: '/topics/t',
    init: { headers: { Accept: 'text/html' } },
    status: 406,
    code: 'not-acceptable',
  },
  'a topic that is not there to be deleted': {
    path: '/topics/nothing',
    init: { method: 'DELETE' },
    status: 404,
    code: 'unknown-topic',
  },
}

test.each(Object.entries(TABLE))('%s is refused', async (_, { path, init, status, code, facts }) => {
  const response = await fetch(`${serving.url}${path}`, { ...init, signal: AbortSignal.timeout(5_000) })
  expect(await answerOf(response)).toEqual(refusal(status, code, facts))
})

test('a topic that has ended takes no event', async () => {
  await serving.hub.publish([{ topic: 'ended', data: '', end: true }])
  const response = await fetch(`${serving.url}/topics/ended`, post('late'))
  expect(await answerOf(response)).toEqual(refusal(409, 'topic-ended', { topic: 'ended' }))
})

describe('a cursor that cannot be served', () => {
  test.each([
    ['nonsense', 'unknown'],
    ['otherlife.1', 'epoch'],
  ])('is a gap on a stream and 410 as JSON: %s', async (from, reason) => {
    const stream = await openStream(`${serving.url}/topics/t`, { headers: { 'Last-Event-ID': from } })
    const frames = await stream.waitFor((all) => all.length >= 2)
    stream.close()
    expect(stream.status).toBe(200)
    expect(frames[1]).toMatchObject({ event: 'tailrace.gap', data: expect.stringContaining(`"${reason}"`) })
    const response = await fetch(`${serving.url}/topics/t?from=${from}`, json)
    expect(await answerOf(response)).toEqual(
      refusal(410, 'cursor-gone', { reason, from, oldest: expect.any(String) }),
    )
  })
})
