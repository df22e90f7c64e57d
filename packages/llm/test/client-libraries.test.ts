import { APIError as AnthropicError } from '@anthropic-ai/sdk'
import { serveStream } from '@tailrace/http/node'
import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { openStream } from '@tailrace/testkit'
import type { StreamReader } from '@tailrace/testkit'
import OpenAI, { APIError as OpenAIError } from 'openai'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { answer } from '../src/index.ts'
import type { AnswerOptions } from '../src/index.ts'
import { startApp } from './app.ts'
import type { App } from './app.ts'
import { CLIENTS, FORMATS } from './clients.ts'
import type { ClientFormat } from './clients.ts'
import { sends, startUpstream } from './scripted-upstream.ts'
import type { Script, ScriptedUpstream } from './scripted-upstream.ts'

let upstream: ScriptedUpstream
let app: App
let hub: Hub
let format: ClientFormat
let answers: number
let errors: unknown[]
/** Instead of the request that the application sends otherwise. */
let ask: AnswerOptions['ask'] | undefined

beforeAll(async () => {
  upstream = await startUpstream()
  app = await startApp(async (request, response) => {
    // The official clients post to a path of their own; everything else names the answer.
    const topic = request.method === 'POST' ? `answers/${(answers += 1)}` : request.url!.slice(1)
    const body = await bodyOf(request)
    const url = `${upstream.url}${request.url}`
    const options: AnswerOptions = {
      topic,
      format,
      ask: ask ?? ((signal) => fetch(url, { method: 'POST', body, signal })),
      onError: (error) => errors.push(error),
    }
    await serveStream(hub, request, response, answer(hub, options))
  })
})
afterAll(() => {
  app.close()
  upstream.close()
})
beforeEach(async () => {
  // Heartbeats after every millisecond of silence.
  hub = await createHub({ log: 'memory:', heartbeatMs: 1, maxEventBytes: 15_000_000 })
  answers = 0
  errors = []
  ask = undefined
})
afterEach(() => hub.close())

async function bodyOf(request: AsyncIterable<Buffer>): Promise<string> {
  let text = ''
  for await (const chunk of request) text += chunk.toString()
  return text
}

/** Sends an answer in two halves, and the second one only when it is asked to. */
function inHalves(text: string): { script: Script; finish: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  const frames = text.split(/(?<=\n\n)/)
  const half = Math.floor(frames.length / 2)
  return {
    finish: resolve,
    async script({ write, end }) {
      await write(frames.slice(0, half).join(''))
      await promise
      await write(frames.slice(half).join(''))
      end()
    },
  }
}

function resume(id?: string): Promise<Response> {
  const headers = id === undefined ? {} : { 'Last-Event-ID': id }
  return fetch(`${app.url}/answers/1`, { headers })
}

describe.each(FORMATS)('the client of %s', (name) => {
  const client = CLIENTS[name]
  const APIError = name === 'anthropic' ? AnthropicError : OpenAIError
  beforeEach(() => {
    format = name
  })

  test('reads the same as from the API, with its stream and with its helper', async () => {
    upstream.script = sends(client.answer)
    const [events, final] = [await client.events(upstream.url), await client.final(upstream.url)]
    expect(events.length).toBeGreaterThan(10)
    for (const script of [sends(client.answer), sends(client.answer.replaceAll('\n', '\r\n'), 11)]) {
      upstream.script = script
      expect(await client.events(app.url)).toEqual(events)
      expect(await client.final(app.url)).toEqual(final)
    }
    expect(errors).toEqual([])
  })

  /** Asks for an answer of which only the first half comes for now. The reader has it from its start. */
  async function askForHalf(): Promise<{
    reader: StreamReader
    all: Promise<unknown[]>
    finish: () => void
  }> {
    const { script, finish } = inHalves(client.answer)
    upstream.script = script
    const all = client.events(app.url)
    await expect.poll(() => hub.findStream('answers/1')).toMatchObject({ state: 'open' })
    return { reader: await openStream(`${app.url}/answers/1`), all, finish }
  }

  test('is not disturbed by heartbeats in the middle of an answer', async () => {
    upstream.script = sends(client.answer)
    const events = await client.events(upstream.url)
    const { reader, all, finish } = await askForHalf()
    await reader.waitFor((_, text) => text.endsWith(':\n:\n:\n'))
    finish()
    expect(await all).toEqual(events)
  })

  test('continues in the middle of an answer, and reads one that is over from any place', async () => {
    const { reader, all, finish } = await askForHalf()
    const frames = await reader.waitFor(({ length }) => length >= 3)
    const middle = frames[2]!.id
    const rest = client.parse(await resume(middle))
    finish()
    expect(await rest).toEqual((await all).slice(3))
    expect(await client.parse(await resume())).toEqual(await all)
    expect(await client.parse(await resume(middle))).toEqual((await all).slice(3))
    await reader.ended
    expect((await resume(reader.frames().at(-1)!.id)).status).toBe(204)
  })

  test('receives nothing but events: no control events, no `retry:`, no blank line after a comment', async () => {
    const { reader, all, finish } = await askForHalf()
    await reader.waitFor((_, text) => text.endsWith(':\n:\n:\n'))
    finish()
    await Promise.all([all, reader.ended])
    const text = reader.text()
    expect(reader.isComplete()).toBe(true)
    expect(text.replaceAll(/^id: .*\n/gm, '').replaceAll(/^:\n/gm, '')).toBe(client.answer)
    // It would make openai-python dispatch an empty event.
    expect(text).not.toMatch(/^:\n\n/m)
  })

  test('throws its own error, with the same facts, when the API reports one in the middle of an answer', async () => {
    const error = { type: 'overloaded_error', code: 'overloaded', message: 'Overloaded', param: null }
    const data = JSON.stringify(name === 'openai-responses' ? error : { type: 'error', error })
    const begin = client.answer.split(/(?<=\n\n)/).slice(0, 3)
    upstream.script = sends(
      `${begin.join('')}${name === 'openai-chat' ? '' : 'event: error\n'}data: ${data}\n\n`,
    )
    const direct = await thrown(client.events(upstream.url))
    const relayed = await thrown(client.events(app.url))
    expect(relayed).toBeInstanceOf(APIError)
    expect((relayed as OpenAIError).error).toEqual((direct as OpenAIError).error)
    expect(await thrown(client.final(app.url))).toBeInstanceOf(APIError)
    expect(errors).toMatchObject([{ code: 'upstream-failed' }, { code: 'upstream-failed' }])
  })

  test('throws its own error when an answer breaks off, which it takes for a complete one otherwise', async () => {
    const begin = client.answer.slice(0, client.answer.length / 2)
    upstream.script = sends(begin.slice(0, begin.lastIndexOf('\n\n') + 2))
    expect(await client.events(upstream.url)).not.toEqual([])
    const error = await thrown(client.events(app.url))
    expect(error).toBeInstanceOf(APIError)
    expect(JSON.stringify((error as OpenAIError).error)).toContain('upstream-truncated')
  })

  test('throws its own error when the API refuses, and when the stream is cancelled', async () => {
    upstream.script = ({ head, end }) => {
      head(401)
      end()
    }
    const refused = await thrown(client.final(app.url))
    expect([refused instanceof APIError, (refused as Error).message]).toEqual([
      true,
      expect.stringContaining('The API responded with status 401.'),
    ])
    const { script } = inHalves(client.answer)
    upstream.script = script
    const cancelled = thrown(client.events(app.url))
    await expect.poll(() => hub.findStream('answers/2')).toMatchObject({ state: 'open' })
    expect((await fetch(`${app.url}/answers/2`, { method: 'DELETE' })).ok).toBe(true)
    expect(await cancelled).toBeInstanceOf(APIError)
  })

  test('throws its own error when the hub closes the stream before the answer is complete', async () => {
    const { script, finish } = inHalves(client.answer)
    upstream.script = script
    const reading = thrown(client.events(app.url))
    await expect.poll(() => connections()).toBe(1)
    await hub.drain(0)
    const error = await reading
    expect(error).toBeInstanceOf(APIError)
    expect(JSON.stringify((error as OpenAIError).error)).toContain('draining')
    finish()
    await expect.poll(() => hub.findStream('answers/1')).toMatchObject({ state: 'done' })
  })

  test('can be what asks the API: its response is relayed, and so is its refusal', async () => {
    upstream.script = sends(client.answer)
    const events = await client.events(upstream.url)
    ask = (signal) => client.ask(upstream.url, signal)
    expect(await client.events(app.url)).toEqual(events)
    upstream.script = async ({ head, write, end }) => {
      head(429, { 'Content-Type': 'application/json', 'x-request-id': 'req_1', 'request-id': 'req_1' })
      await write('{"error":{"type":"rate_limit_error","message":"Slow down."}}')
      end()
    }
    expect(await thrown(client.events(app.url))).toBeInstanceOf(APIError)
    expect(errors).toMatchObject([
      {
        code: 'upstream-refused',
        details: { status: 429, requestId: 'req_1', body: expect.stringContaining('Slow down.') },
      },
    ])
  })
})

test('the client of OpenAI receives an image of 14 MB', async () => {
  format = 'openai-responses'
  const image = {
    type: 'response.image_generation_call.partial_image',
    partial_image_b64: 'aGVsbG8g'.repeat(1_750_000),
  }
  const done = { type: 'response.completed', response: { id: 'resp_1', status: 'completed' } }
  const frames = [image, done].map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
  upstream.script = sends(frames.join(''), 1024 * 1024)
  const client = new OpenAI({ baseURL: `${app.url}/v1`, apiKey: 'key' })
  const seen: object[] = []
  for await (const event of await client.responses.create({ model: 'gpt-5', input: 'A cat', stream: true }))
    seen.push(event)
  expect(seen.length).toBe(2)
  expect(JSON.stringify(seen[0]) === JSON.stringify(image)).toBe(true)
})

async function connections(): Promise<number> {
  let count = 0
  await hub.survey(() => void (count += 1))
  return count
}

async function thrown(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => expect.fail(`it resolved with ${JSON.stringify(value)}`),
    (error: unknown) => error,
  )
}
