import { setImmediate } from 'node:timers/promises'
import { createHub } from '@tailrace/hub'
import { tempDir } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'
import { answer, relay } from '../src/index.ts'
import { CLIENTS, FORMATS } from './clients.ts'
import { ask, beforeRelaying, CHAT, failureOf, frames, hub, reply, stored, upstream } from './relaying.ts'
import { sends, startUpstream } from './scripted-upstream.ts'

beforeRelaying()

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
      expect(await frames()).toEqual([['a b', 'é\n two spaces \n\n🌍'], '[DONE]'])
    },
  )

  test('is stored as it arrives, while the rest of it is still to come', async () => {
    const asked = reply()
    const relayed = relay(hub, ask, CHAT)
    const { write, end } = await asked
    await write('data: first\n\n')
    await expect.poll(() => frames()).toEqual(['first'])
    await write('data: second\n\ndata: thi')
    await expect.poll(() => frames()).toEqual(['first', 'second'])
    await write('rd\n\ndata: [DONE]\n\n')
    end()
    await relayed.done
    expect(await frames()).toEqual(['first', 'second', 'third', '[DONE]'])
  })

  test('that the API does not end after its terminal event is complete, and the connection is closed', async () => {
    const asked = reply()
    const relayed = relay(hub, ask, CHAT)
    const { write, closed } = await asked
    await write('data: [DONE]\n\ndata: more\n\n')
    await relayed.done
    await closed
    expect(await frames()).toEqual(['[DONE]'])
  })

  test('may lack the blank line after its terminal event', async () => {
    upstream.script = sends('data: x\n\ndata: [DONE]\n')
    await relay(hub, ask, CHAT).done
    expect(await frames()).toEqual(['x', '[DONE]'])
  })

  test('of a format without a terminal event is complete when the response is', async () => {
    upstream.script = sends('event: error\ndata: {}\n\ndata: [DONE]\n\n')
    await relay(hub, ask, { topic: 'answer', format: 'raw' }).done
    expect(await frames()).toEqual([['error', '{}'], '[DONE]', ['tailrace.done', '{}']])
  })

  test('can be given as a response, or as a promise of one', async () => {
    upstream.script = sends('data: [DONE]\n\n')
    await relay(hub, await ask(), { ...CHAT, topic: 'a' }).done
    await relay(hub, ask(), { ...CHAT, topic: 'b' }).done
    expect([await frames('a'), await frames('b')]).toEqual([['[DONE]'], ['[DONE]']])
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
    expect(await frames()).toEqual(['[DONE]'])
  })

  test('for a topic that cannot exist is refused at once, and its connection is closed', async () => {
    const asked = reply()
    const response = ask()
    const { head, closed } = await asked
    head()
    expect(() => relay(hub, response, { ...CHAT, topic: 'a//b' })).toThrow(/topic/)
    await closed
  })

  test.each([{ format: 'xml' as 'raw' }, { idleMs: 0 }, { maxMs: Infinity }, { idleMs: Number.NaN }])(
    'with an option that is out of its bounds is refused at once: %o',
    async (wrong) => {
      const message = `\`${Object.keys(wrong)[0]}\` must be`
      expect(() => relay(hub, ask, { ...CHAT, ...wrong })).toThrow(message)
      expect(() => answer(hub, { ...CHAT, ask, ...wrong })).toThrow(message)
      expect(await stored()).toEqual([])
    },
  )
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
      expect(await frames()).toEqual([
        ['tailrace.failed', JSON.stringify({ code: 'upstream-refused', message })],
      ])
    },
  )

  test.each(['application/json', 'text/html; charset=utf-8', 'text/event-streams'])(
    'by responding with %s is closed after the beginning of its body, however long that is',
    async (type) => {
      const asked = reply()
      const relayed = relay(hub, ask, CHAT)
      const { head, write, closed } = await asked
      head(200, { 'Content-Type': type })
      await write('é'.repeat(1_000_000))
      const { code, message, details } = await failureOf(relayed)
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
    expect(await frames()).toMatchObject([['tailrace.failed', expect.stringContaining('upstream-refused')]])
  })

  test('before the topic is open: a promise of its response may reject at any time', async () => {
    using dir = tempDir()
    const durable = await createHub({ log: `sqlite:${dir.path}/log.db` })
    // Opening takes a commit. Until then, nobody waits for the response.
    const { done } = relay(durable, Promise.reject(new Error('no network')), CHAT)
    await expect(done).rejects.toMatchObject({ code: 'upstream-refused', cause: { message: 'no network' } })
    await durable.close()
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
      expect(await frames(topic)).toEqual(['x', ['tailrace.failed', failed]])
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
      const relayed = relay(hub, ask, { ...CHAT, topic, idleMs: 200 })
      const { write, closed } = await asked
      if (text !== '') await write(text)
      const error = await failureOf(relayed)
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
