import { setImmediate } from 'node:timers/promises'
import { createWebSink } from '@tailrace/http/web'
import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import type { StoredEvent } from '@tailrace/log'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { formatDialect, relay } from '../src/index.ts'
import type { RelayError, RelayOptions } from '../src/index.ts'
import { CLIENTS, FORMATS } from './clients.ts'
import { sends, startUpstream } from './scripted-upstream.ts'
import type { Reply, ScriptedUpstream } from './scripted-upstream.ts'

const MAX_EVENT_BYTES = 64 * 1024

let upstream: ScriptedUpstream
let hub: Hub

beforeAll(async () => {
  upstream = await startUpstream()
})
afterAll(() => upstream.close())
beforeEach(async () => {
  hub = await createHub({ log: 'memory:', maxEventBytes: MAX_EVENT_BYTES })
})
afterEach(() => hub.close())

const CHAT: RelayOptions = { topic: 'answer', format: 'openai-chat' }

function ask(signal?: AbortSignal): Promise<Response> {
  return fetch(upstream.url, { method: 'POST', ...(signal && { signal }) })
}

/** What is stored, without the event that opens the stream. */
async function stored(topic = 'answer'): Promise<readonly StoredEvent[]> {
  const history = await hub.read({ selectors: [topic], limit: 1000 }, new AbortController().signal)
  if ('gap' in history) throw new Error(history.gap.reason)
  const [opened, ...events] = history.events
  expect(opened?.type ?? 'tailrace.opened').toBe('tailrace.opened')
  return events
}

function frames(events: readonly StoredEvent[]): unknown[] {
  return events.map(({ type, data }) => (type === undefined ? data : [type, data]))
}

async function failureOf({ done }: { done: Promise<unknown> }): Promise<RelayError> {
  return done.then(
    () => expect.fail('the relay succeeded'),
    (error: RelayError) => error,
  )
}

/** The reply that a relay gets, as soon as it has asked. */
function reply(): Promise<Reply> {
  return new Promise((resolve) => {
    upstream.script = resolve
  })
}

describe('an answer', () => {
  test.each(FORMATS)(
    'of %s is stored as it was sent, and its terminal event ends the topic',
    async (format) => {
      upstream.script = sends(CLIENTS[format].answer)
      const { id, events } = await relay(hub, ask, { topic: 'answer', format }).done
      const after = await stored()
      const text = after.map(
        ({ type, data }) => `${type === undefined ? '' : `event: ${type}\n`}data: ${data}\n\n`,
      )
      expect(text.join('')).toBe(CLIENTS[format].answer)
      expect([events, id.endsWith(`.${after.at(-1)!.offset}`)]).toEqual([after.length, true])
      await expect(hub.publish('answer', { data: 'more' })).rejects.toMatchObject({ code: 'topic-ended' })
    },
  )

  test.each([
    ['LF', '\n'],
    ['CRLF', '\r\n'],
    ['CR', '\r'],
  ])(
    'whose lines end in %s, with comments, ids and data of many lines, arrives byte by byte',
    async (_, end) => {
      const lines = [
        '\uFEFF: OPENROUTER PROCESSING',
        '',
        'id: 7',
        'retry: 1',
        'event: a b',
        'data: é',
        'data:  two spaces ',
        'data',
        'data:🌍',
        'unknown: x',
        '',
        'data: [DONE]',
        '',
        '',
      ]
      upstream.script = sends(lines.join(end), 1)
      await relay(hub, ask, CHAT).done
      expect(frames(await stored())).toEqual([['a b', 'é\n two spaces \n\n🌍'], '[DONE]'])
    },
  )

  test('is stored as it arrives, while the rest of it is still to come', async () => {
    const asked = reply()
    const answer = relay(hub, ask, CHAT)
    const { write, end } = await asked
    await write('data: first\n\n')
    await expect.poll(async () => frames(await stored())).toEqual(['first'])
    await write('data: second\n\ndata: thi')
    await expect.poll(async () => frames(await stored())).toEqual(['first', 'second'])
    await write('rd\n\ndata: [DONE]\n\n')
    end()
    await answer.done
    expect(frames(await stored())).toEqual(['first', 'second', 'third', '[DONE]'])
  })

  test('that the API does not end after its terminal event is complete, and the connection is closed', async () => {
    const asked = reply()
    const answer = relay(hub, ask, CHAT)
    const { write, closed } = await asked
    await write('data: [DONE]\n\ndata: more\n\n')
    await answer.done
    await closed
    expect(frames(await stored())).toEqual(['[DONE]'])
  })

  test('may lack the blank line after its terminal event', async () => {
    upstream.script = sends('data: x\n\ndata: [DONE]\n')
    await relay(hub, ask, CHAT).done
    expect(frames(await stored())).toEqual(['x', '[DONE]'])
  })

  test('of a format without a terminal event is complete when the response is', async () => {
    upstream.script = sends('event: error\ndata: {}\n\ndata: [DONE]\n\n')
    await relay(hub, ask, { topic: 'answer', format: 'raw' }).done
    expect(frames(await stored())).toEqual([['error', '{}'], '[DONE]', ['tailrace.done', '{}']])
  })

  test('can be given as a response, or as a promise of one', async () => {
    upstream.script = sends('data: [DONE]\n\n')
    await relay(hub, await ask(), { ...CHAT, topic: 'a' }).done
    await relay(hub, ask(), { ...CHAT, topic: 'b' }).done
    expect([frames(await stored('a')), frames(await stored('b'))]).toEqual([['[DONE]'], ['[DONE]']])
  })

  test('is neither requested nor read a second time for the same topic', async () => {
    upstream.script = sends('data: [DONE]\n\n')
    await relay(hub, ask, CHAT).done
    const before = upstream.requests
    const second = relay(hub, ask, CHAT)
    await expect(second.opened).rejects.toMatchObject({ code: 'stream-exists' })
    await expect(second.done).rejects.toMatchObject({ code: 'stream-exists' })
    expect(upstream.requests).toBe(before)
    const asked = reply()
    const third = relay(hub, ask(), CHAT)
    const { head, closed } = await asked
    head()
    await expect(third.done).rejects.toMatchObject({ code: 'stream-exists' })
    await closed
    expect(frames(await stored())).toEqual(['[DONE]'])
  })

  test('of a format that does not exist is refused at once', () => {
    expect(() => relay(hub, ask, { topic: 'answer', format: 'xml' as 'raw' })).toThrow(RangeError)
  })
})

describe('an API that refuses', () => {
  test.each([
    [401, 'x-request-id', '{"error":{"message":"Incorrect API key provided: sk-1234"}}'],
    [429, 'request-id', '{"type":"error","error":{"type":"rate_limit_error"}}'],
    [500, 'x-request-id', ''],
  ])(
    'with %d: the error has the status, the request and the body; readers do not see the body',
    async (...facts) => {
      const [status, name, body] = facts
      upstream.script = async ({ head, write, end }) => {
        head(status, { 'Content-Type': 'application/json', [name]: 'req_1' })
        await write(body)
        end()
      }
      const error = await failureOf(relay(hub, ask, CHAT))
      expect(error).toMatchObject({ code: 'upstream-refused', details: { status, requestId: 'req_1', body } })
      const message = `The API responded with status ${status} (request req_1).`
      expect(frames(await stored())).toEqual([
        ['tailrace.failed', JSON.stringify({ code: 'upstream-refused', message })],
      ])
    },
  )

  test.each(['application/json', 'text/html; charset=utf-8', 'text/event-streams'])(
    'by responding with %s is closed after the beginning of its body, however long that is',
    async (type) => {
      const asked = reply()
      const answer = relay(hub, ask, CHAT)
      const { head, write, closed } = await asked
      head(200, { 'Content-Type': type })
      await write('é'.repeat(1_000_000))
      const { code, message, details } = await failureOf(answer)
      expect([code, details.status, Buffer.byteLength(details.body!)]).toEqual([
        'upstream-refused',
        200,
        4096,
      ])
      expect(message).toContain(type.split(';')[0])
      await closed
    },
  )

  test('because nobody listens: the error has the reason as its cause', async () => {
    const gone = await startUpstream()
    gone.close()
    const error = await failureOf(relay(hub, () => fetch(gone.url), CHAT))
    expect(error).toMatchObject({ code: 'upstream-refused', cause: { message: 'fetch failed' } })
    expect(frames(await stored())).toMatchObject([
      ['tailrace.failed', expect.stringContaining('upstream-refused')],
    ])
  })
})

describe('an answer that is not complete', () => {
  test.each([
    ['between two events', 'data: x\n\n'],
    ['in the middle of an event', 'data: x\n\ndata: {"choi'],
    ['before the blank line of an event', 'data: x\n\ndata: y\n'],
    ['in the middle of a character', Buffer.from('data: x\n\ndata: é').subarray(0, -1)],
  ])('because it ends, or breaks off, %s fails as truncated', async (_, text) => {
    for (const [topic, finish] of [
      ['ends', 'end'],
      ['breaks', 'cut'],
    ] as const) {
      upstream.script = async (to) => {
        await to.write(text)
        to[finish]()
      }
      const error = await failureOf(relay(hub, ask, { ...CHAT, topic }))
      expect(error.code).toBe('upstream-truncated')
      const failed = JSON.stringify({ code: 'upstream-truncated', message: error.message })
      expect(frames(await stored(topic))).toEqual(['x', ['tailrace.failed', failed]])
    }
  })

  test('because the connection breaks is not taken for the end of a format without a terminal event', async () => {
    upstream.script = async ({ write, cut }) => {
      await write('data: x\n\n')
      cut()
    }
    const error = await failureOf(relay(hub, ask, { topic: 'answer', format: 'raw' }))
    expect(error.code).toBe('upstream-truncated')
  })

  test.each([
    ['openai-chat', '', '{"id": "1",  "error": {"code":502}}'],
    ['openai-responses', 'event: error\n', '{"type":"error",  "code":"server_error"}'],
    ['openai-responses', 'event: response.failed\n', '{"type":"response.failed",  "response":{}}'],
    ['anthropic', 'event: error\n', '{"type":"error",  "error":{"type":"overloaded_error"}}'],
  ] as const)(
    'because of an error of %s (%s) ends with that error as it was sent',
    async (format, name, data) => {
      upstream.script = sends(`${name}data: ${data}\n\nevent: message_stop\ndata: [DONE]\n\n`)
      const error = await failureOf(relay(hub, ask, { topic: 'answer', format }))
      expect(error).toMatchObject({ code: 'upstream-failed', details: { body: data } })
      expect((await stored()).map((event) => event.data)).toEqual([data])
      await expect(hub.publish('answer', { data: 'more' })).rejects.toMatchObject({ code: 'topic-ended' })
    },
  )

  test('because the API says nothing more is given up, also before its head', async () => {
    for (const [topic, text] of [
      ['head', ''],
      ['body', 'data: x\n\n'],
    ] as const) {
      const asked = reply()
      const answer = relay(hub, ask, { ...CHAT, topic, idleMs: 200 })
      const { write, closed } = await asked
      if (text !== '') await write(text)
      const error = await failureOf(answer)
      expect([error.code, error.message]).toEqual(['upstream-truncated', 'The API sent nothing for 200 ms.'])
      await closed
    }
  })

  test('because the API never comes to an end is given up', async () => {
    const gone = new AbortController()
    upstream.script = async ({ write, closed }) => {
      void closed.then(() => gone.abort())
      while (!gone.signal.aborted) {
        await write(': ping\n\nevent: ping\ndata: {}\n\n')
        // Small writes complete at once, and timers would never get a turn.
        await setImmediate()
      }
    }
    const error = await failureOf(relay(hub, ask, { topic: 'answer', format: 'anthropic', maxMs: 200 }))
    expect([error.code, error.message]).toEqual([
      'upstream-truncated',
      'The answer was not complete after 200 ms.',
    ])
    await expect.poll(() => gone.signal.aborted).toBe(true)
  })
})

describe('an event that is larger than the hub accepts', () => {
  test.each([
    ['a little', MAX_EVENT_BYTES + 1, '\n\ndata: [DONE]\n\n'],
    ['a little, in characters of several bytes', MAX_EVENT_BYTES / 2 + 1, '\n\ndata: [DONE]\n\n'],
    ['much, and not complete', 40 * MAX_EVENT_BYTES, ''],
  ])(
    'by %s ends the stream, after what came before it, and the connection is closed',
    async (_, length, end) => {
      const asked = reply()
      const answer = relay(hub, ask, CHAT)
      const { write, closed } = await asked
      await write(`data: before\n\ndata: ${'é'.repeat(length)}${end}`)
      expect(await failureOf(answer)).toMatchObject({
        code: 'event-too-large',
        details: { maxEventBytes: MAX_EVENT_BYTES },
      })
      await closed
      const [before, failed, ...rest] = await stored()
      expect([before?.data, failed?.type, rest]).toEqual(['before', 'tailrace.failed', []])
      expect(JSON.parse(failed!.data)).toMatchObject({ code: 'event-too-large' })
    },
  )

  test('is one that cannot be named in a frame: it ends the stream as well', async () => {
    upstream.script = sends('event: tailrace.end\ndata: {}\n\n')
    await expect(relay(hub, ask, CHAT).done).rejects.toMatchObject({ code: 'reserved-type' })
    expect(frames(await stored())).toEqual([['tailrace.failed', expect.stringContaining('"failed"')]])
  })

  test('of 14 MB is stored as it was sent if the limit of the hub is raised', async () => {
    const large = await createHub({ log: 'memory:', maxEventBytes: 15_000_000 })
    const data = `{"type":"image","b64_json":"${'aGVsbG8g'.repeat(1_750_000)}"}`
    upstream.script = sends(`event: image\ndata: ${data}\n\ndata: [DONE]\n\n`, 256 * 1024)
    await relay(large, ask, CHAT).done
    const history = await large.read({ selectors: ['answer'], limit: 10 }, new AbortController().signal)
    if ('gap' in history) throw new Error('gap')
    expect(history.events[1]!.data === data).toBe(true)
    await large.close()
  })
})

describe('a relay that is cancelled', () => {
  const WAYS: Record<string, (controller: AbortController) => unknown> = {
    'its signal': (controller) => controller.abort(),
    'hub.cancelStream': () => hub.cancelStream('answer'),
  }
  const CANCELLED = ['tailrace.failed', expect.stringContaining('cancelled')]

  test.each(Object.entries(WAYS))('by %s closes the connection to the API', async (_, cancel) => {
    const controller = new AbortController()
    const asked = reply()
    const answer = relay(hub, ask, { ...CHAT, signal: controller.signal })
    const { write, closed } = await asked
    await write('data: x\n\n')
    await expect.poll(async () => frames(await stored())).toEqual(['x'])
    await cancel(controller)
    await expect(answer.done).rejects.toMatchObject({ code: 'stream-over' })
    await closed
    expect(frames(await stored())).toEqual(['x', CANCELLED])
  })

  test('before the API has responded closes the connection as well', async () => {
    const asked = reply()
    const answer = relay(hub, ask, CHAT)
    const { closed } = await asked
    await hub.cancelStream('answer')
    await expect(answer.done).rejects.toMatchObject({ code: 'stream-over' })
    await closed
    expect(frames(await stored())).toEqual([CANCELLED])
  })

  test('lets go of a response that arrives afterwards', async () => {
    const asked = reply()
    const answer = relay(hub, ask(), CHAT)
    const { head, closed } = await asked
    await answer.opened
    await hub.cancelStream('answer')
    await expect(answer.done).rejects.toMatchObject({ code: 'stream-over' })
    head()
    await closed
  })

  test('because the hub closes lets go of the API', async () => {
    const asked = reply()
    const answer = relay(hub, ask, CHAT)
    const { write, closed } = await asked
    await write('data: x\n\n')
    await expect.poll(async () => frames(await stored())).toEqual(['x'])
    await hub.close()
    await expect(answer.done).rejects.toMatchObject({ name: 'HubError' })
    await closed
  })
})

test('readers that leave do not end a relay', async () => {
  const asked = reply()
  const answer = relay(hub, ask, CHAT)
  const { write, end } = await asked
  await write('data: x\n\n')
  const subscription = {
    selectors: ['answer'],
    dialect: formatDialect('openai-chat'),
    start: { at: 'oldest' },
  } as const
  for (let reader = 0; reader < 3; reader += 1) {
    const sink = createWebSink()
    await hub.subscribe(subscription, () => sink)
    const body = sink.body.getReader()
    expect(new TextDecoder().decode((await body.read()).value)).toContain('data: x\n')
    await body.cancel()
  }
  await write('data: [DONE]\n\n')
  end()
  expect((await answer.done).events).toBe(2)
})
