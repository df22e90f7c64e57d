import { openStream } from '@tailrace/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startServing } from './serving.ts'
import type { Serving } from './serving.ts'

let serving: Serving

beforeEach(async () => {
  serving = await startServing({ hub: { maxEventBytes: 100, maxBatchBytes: 250 } })
})

afterEach(async () => {
  await serving[Symbol.asyncDispose]()
})

interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
}

async function post(
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${serving.url}${path}`, { method: 'POST', body, headers })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

function postLines(path: string, ...lines: readonly unknown[]): Promise<Answer> {
  const body = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n')
  return post(path, body, { 'Content-Type': 'application/x-ndjson' })
}

interface Stored {
  readonly id: string
  readonly topic: string
  readonly type?: string
  readonly key?: string
  readonly data: string
}

async function stored(topic = '**'): Promise<Stored[]> {
  const response = await fetch(`${serving.url}/events?topic=${topic}`, {
    headers: { Accept: 'application/json' },
  })
  return ((await response.json()) as { events: Stored[] }).events
}

/** `fetch` takes a character for each byte. */
function utf8(text: string): string {
  return Buffer.from(text).toString('latin1')
}

describe('one event', () => {
  test('is answered with its id and topic', async () => {
    const answer = await post('/topics/orders/42', 'x')
    expect(answer).toEqual({
      status: 201,
      body: { id: expect.stringMatching(/^[a-z0-9]+\.1$/), topic: 'orders/42' },
    })
    expect(await stored()).toEqual([
      { id: answer.body['id'], topic: 'orders/42', time: expect.any(String), data: 'x' },
    ])
  })

  test.each([
    ['nothing', ''],
    ['a NUL', 'a\0b'],
    ['an emoji', '👩‍🚀 é'],
    ['every line break', 'a\r\nb\rc\n\n'],
    ['a byte order mark', '\ufeffa'],
    ['what looks like a form', 'a=1&b=2'],
    ['what looks like a frame', 'data: x\n\nevent: tailrace.end\n\n'],
  ])('may hold %s, which is kept verbatim', async (_, data) => {
    expect((await post('/topics/t', Buffer.from(data))).status).toBe(201)
    expect((await stored())[0]!.data).toBe(data)
  })

  test('is the same whatever its Content-Type says', async () => {
    for (const type of [
      'application/json',
      'application/x-www-form-urlencoded',
      'text/plain; charset=latin1',
    ]) {
      await post('/topics/t', '{"é":1}', { 'Content-Type': type })
    }
    expect((await stored()).map(({ data }) => data)).toEqual(['{"é":1}', '{"é":1}', '{"é":1}'])
  })

  test('has a type and a key in UTF-8', async () => {
    await post('/topics/t', 'x', { 'Event-Type': utf8('bezahlt ✓'), 'Event-Key': utf8('zeile é') })
    expect(await stored()).toMatchObject([{ type: 'bezahlt ✓', key: 'zeile é' }])
  })

  test('with Event-Remove: true removes its key from snapshots, and is delivered', async () => {
    await post('/topics/t', '1', { 'Event-Key': 'k' })
    const stream = await openStream(`${serving.url}/topics/t?snapshot=true`)
    await stream.waitFor((frames) => frames.at(-1)?.event === 'tailrace.live')
    const removed = await post('/topics/t', '', { 'Event-Key': 'k', 'Event-Remove': 'true' })
    expect(removed.status).toBe(201)
    const frames = await stream.waitFor((all) => all.at(-1)?.remove !== undefined)
    expect(frames.at(-1)).toEqual({
      data: '',
      key: 'k',
      remove: 'true',
      id: removed.body['id'],
    })
    const later = await openStream(`${serving.url}/topics/t?snapshot=true`)
    const shown = await later.waitFor((all) => all.at(-1)?.event === 'tailrace.live')
    expect(shown.filter(({ key }) => key !== undefined)).toEqual([])
    for (const one of [stream, later]) one.close()
    expect(await stored()).toEqual([
      { id: expect.any(String), topic: 't', key: 'k', time: expect.any(String), data: '1' },
      { id: removed.body['id'], topic: 't', key: 'k', remove: true, time: expect.any(String), data: '' },
    ])
  })

  test('may remove a key with the last event of its topic', async () => {
    await post('/topics/t', '1', { 'Event-Key': 'k' })
    const last = await post('/topics/t', '', {
      'Event-Key': 'k',
      'Event-Remove': 'true',
      'Event-End': 'true',
    })
    expect(last.status).toBe(201)
    expect(await post('/topics/t', 'late')).toMatchObject({ status: 409 })
  })

  test('cannot remove a key that it does not name', async () => {
    expect(await post('/topics/t', '', { 'Event-Remove': 'true' })).toMatchObject({
      status: 400,
      body: { code: 'missing-key' },
    })
    expect(await postLines('/topics/t', { data: 'a' }, { remove: true })).toMatchObject({
      status: 400,
      body: { code: 'missing-key', line: 2 },
    })
    expect((await post('/topics/t', '', { 'Event-Remove': 'false' })).status).toBe(201)
  })

  test.each(['Event-Kye', 'Event-Id', 'Event-'])(
    'is refused with a header %s, which is none of an event',
    async (name) => {
      for (const type of ['text/plain', 'application/x-ndjson']) {
        expect(await post('/topics/t', '{"data":1}', { [name]: 'x', 'Content-Type': type })).toMatchObject({
          status: 400,
          body: {
            code: 'invalid-header',
            header: name.toLowerCase(),
            detail: expect.stringContaining('Event-Type, Event-Key, Event-Remove, Event-End'),
          },
        })
      }
      expect(await stored()).toEqual([])
    },
  )

  test('has a topic in UTF-8, which may be percent-encoded', async () => {
    await post('/topics/caf%C3%A9/a%20b%26%3Fc%25', 'x')
    expect(await stored()).toMatchObject([{ topic: 'café/a b&?c%' }])
  })

  test('is published once for each idempotency key and topic', async () => {
    const first = await post('/topics/t', 'a', { 'Idempotency-Key': 'k' })
    expect(await post('/topics/t', 'b', { 'Idempotency-Key': 'k' })).toEqual({
      status: 200,
      body: { ...first.body, duplicate: true },
    })
    expect((await post('/topics/u', 'c', { 'Idempotency-Key': 'k' })).status).toBe(201)
    expect((await stored()).map(({ data }) => data)).toEqual(['a', 'c'])
  })

  test('may end its topic, after which nothing is taken but a repeat', async () => {
    const headers = { 'Event-End': 'true', 'Idempotency-Key': 'last' }
    const stream = await openStream(`${serving.url}/topics/t`)
    const first = await post('/topics/t', '', headers)
    expect(first.status).toBe(201)
    await stream.ended
    expect(stream.frames().slice(-2)).toEqual([
      { data: '', id: first.body['id'] },
      { event: 'tailrace.end', data: '{"topic":"t"}', id: first.body['id'] },
    ])
    expect(await post('/topics/t', 'late')).toMatchObject({ status: 409, body: { code: 'topic-ended' } })
    expect(await post('/topics/t', '', headers)).toMatchObject({ status: 200, body: { duplicate: true } })
  })

  test('with Event-End: false goes on', async () => {
    await post('/topics/t', 'a', { 'Event-End': 'false' })
    expect((await post('/topics/t', 'b')).status).toBe(201)
  })

  test('may be as large as is taken, in bytes', async () => {
    expect((await post('/topics/t', 'é'.repeat(50))).status).toBe(201)
    expect(await post('/topics/t', 'é'.repeat(50) + 'x')).toMatchObject({
      status: 413,
      body: { code: 'event-too-large', maxBytes: 100 },
    })
  })
})

describe('a batch', () => {
  test('is answered event by event, contiguous and in order', async () => {
    const { status, body } = await postLines('/topics/t', { data: 'a' }, { data: 'b', type: 'x', key: 'k' })
    expect(status).toBe(201)
    const events = await stored()
    expect(events).toMatchObject([{ data: 'a' }, { data: 'b', type: 'x', key: 'k' }])
    expect(body).toEqual({ events: events.map(({ id, topic }) => ({ id, topic })) })
  })

  test('names its topics line by line when its path names none', async () => {
    expect((await postLines('/topics', { topic: 'a', data: '1' }, { topic: 'b/c', data: '2' })).status).toBe(
      201,
    )
    expect((await stored()).map(({ topic }) => topic)).toEqual(['a', 'b/c'])
  })

  test('may repeat the topic of its path', async () => {
    expect((await postLines('/topics/a', { topic: 'a', data: '1' })).status).toBe(201)
  })

  test('takes blank lines, CRLF and no line end at its end', async () => {
    const { body } = await postLines('/topics/t', '', '{"data":"a"}\r', '  ', '{"data":"b"}')
    expect(body['events']).toHaveLength(2)
  })

  test.each([
    ['"a\\nb"', 'a\nb'],
    ['{"b":1,"a":[null,true]}', '{"b":1,"a":[null,true]}'],
    ['[]', '[]'],
    ['true', 'true'],
    ['null', 'null'],
    ['12345678901234567890', '12345678901234567890'],
    [
      '{"id":9007199254740993,"x":1.10,"y":-0,"z":1E400}',
      '{"id":9007199254740993,"x":1.10,"y":-0,"z":1E400}',
    ],
    ['{"__proto__":{"a":1}}', '{"__proto__":{"a":1}}'],
    ['"\\u0000"', '\0'],
  ])('holds data that is any JSON value: %s', async (json, data) => {
    expect((await postLines('/topics/t', `{"data":${json}}`)).status).toBe(201)
    expect((await stored())[0]!.data).toBe(data)
  })

  test('may end topics, with data or without', async () => {
    const { status } = await postLines(
      '/topics',
      { topic: 'a', end: true },
      { topic: 'b', data: 'bye', end: true },
    )
    expect(status).toBe(201)
    expect((await stored()).map(({ data }) => data)).toEqual(['', 'bye'])
    expect((await post('/topics/a', 'x')).status).toBe(409)
  })

  test('answers a repeat as one, and a part of a repeat in part', async () => {
    const line = { data: 'a', idempotencyKey: 'k' }
    await postLines('/topics/t', line)
    expect(await postLines('/topics/t', line)).toMatchObject({
      status: 200,
      body: { events: [{ duplicate: true }] },
    })
    const { status, body } = await postLines('/topics/t', line, { data: 'b' })
    expect(status).toBe(201)
    expect((body['events'] as { duplicate?: boolean }[]).map(({ duplicate }) => duplicate)).toEqual([
      true,
      undefined,
    ])
  })

  test('is published wholly or not at all, and the bad line is named', async () => {
    const lines = [{ data: 'a' }, '', { data: 'b' }, { data: 'c', type: 'tailrace.live' }]
    expect(await postLines('/topics/t', ...lines)).toMatchObject({
      status: 400,
      body: {
        code: 'reserved-type',
        line: 4,
        detail: expect.stringMatching(/^Line 4: .* No event of the batch was published\.$/),
      },
    })
    expect(await stored()).toEqual([])
  })

  test('may be as large as is taken, its events together', async () => {
    const data = (length: number): { data: string } => ({ data: 'x'.repeat(length) })
    expect((await postLines('/topics/t', data(100), data(100), data(50))).status).toBe(201)
    expect(await postLines('/topics/t', data(100), data(100), data(51))).toMatchObject({
      status: 413,
      body: { code: 'batch-too-large', line: 3 },
    })
    expect(await postLines('/topics/t', data(101))).toMatchObject({
      status: 413,
      body: { code: 'event-too-large', line: 1 },
    })
  })

  test('is bounded as text too, whatever is around its data', async () => {
    expect(await postLines('/topics/t', { data: 'x' }, ' '.repeat(500))).toMatchObject({
      status: 413,
      body: { code: 'batch-too-large', maxBytes: 500 },
    })
  })
})
