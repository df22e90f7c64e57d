import { serveStream } from '@tailrace/http/node'
import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import {
  createUIMessageStream,
  createUIMessageStreamResponse,
  DefaultChatTransport,
  readUIMessageStream,
} from 'ai'
import type { UIMessage, UIMessageChunk } from 'ai'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { answer, formatDialect, formatHeaders } from '../src/index.ts'
import { createResumableStreamContext } from '../src/resumable-stream/index.ts'
import { startApp } from './app.ts'
import type { App } from './app.ts'

let hub: Hub
let app: App
/** What the model has said so far. */
let model: WritableStreamDefaultWriter<string>
let output: ReadableStream<string>

/** The AI SDK's stream of a message with two texts, whose second one is what the model says. */
function messageStream(): ReadableStream<UIMessageChunk> {
  return createUIMessageStream({
    async execute({ writer }) {
      writer.write({ type: 'start', messageId: 'msg-1' })
      writer.write({ type: 'text-start', id: 'a' })
      writer.write({ type: 'text-delta', id: 'a', delta: 'Thinking.' })
      writer.write({ type: 'text-end', id: 'a' })
      writer.write({ type: 'text-start', id: 'b' })
      for await (const delta of output) writer.write({ type: 'text-delta', id: 'b', delta })
      writer.write({ type: 'text-end', id: 'b' })
      writer.write({ type: 'finish' })
    },
  })
}

beforeAll(async () => {
  app = await startApp(async (request, response) => {
    if (request.url!.startsWith('/context')) {
      const context = createResumableStreamContext({ waitUntil: null, hub })
      const responded =
        request.method === 'POST'
          ? createUIMessageStreamResponse({
              stream: messageStream(),
              consumeSseStream: async ({ stream }) =>
                void (await context.createNewResumableStream('answer', () => stream)),
            })
          : new Response(
              (await context.resumeExistingStream('answer'))?.pipeThrough(new TextEncoderStream()) ?? null,
            )
      response.writeHead(responded.body === null ? 204 : 200, Object.fromEntries(responded.headers))
      for await (const chunk of responded.body ?? []) response.write(chunk)
      response.end()
      return
    }
    if (request.url!.startsWith('/relayed')) {
      const ask = (): Response => createUIMessageStreamResponse({ stream: messageStream() })
      await serveStream(hub, request, response, answer(hub, { topic: 'answer', format: 'ai-sdk', ask }))
      return
    }
    await serveStream(hub, request, response, {
      topic: 'answer',
      produce: (writer) => writer.pipe(messageStream()),
      dialect: formatDialect('ai-sdk'),
      headers: formatHeaders('ai-sdk'),
    })
  })
})
afterAll(() => app.close())
beforeEach(async () => {
  hub = await createHub({ log: 'memory:', heartbeatMs: 1 })
  const { readable, writable } = new TransformStream<string, string>(undefined, { highWaterMark: 100 })
  output = readable
  model = writable.getWriter()
})
afterEach(() => hub.close())

const WAYS = [
  ['the context of resumable-stream', '/context'],
  ['serveStream', '/stream'],
] as const

async function final(stream: ReadableStream<UIMessageChunk> | null): Promise<UIMessage | undefined> {
  let last: UIMessage | undefined
  for await (const message of readUIMessageStream({ stream: stream!, terminateOnError: true })) last = message
  return last
}

const ASK = { chatId: 'c', messages: [], messageId: undefined, abortSignal: undefined }

test.each(WAYS)(
  'with %s, a chat that is reloaded in the middle of an answer shows all of it',
  async (_, path) => {
    const transport = new DefaultChatTransport({ api: `${app.url}${path}` })
    const first = await transport.sendMessages({ ...ASK, trigger: 'submit-message' })
    void model.write('Hello, ')
    const second = await transport.reconnectToStream({ chatId: 'c' })
    void model.write('world.')
    await model.close()
    const messages = await Promise.all([final(first), final(second)])
    for (const message of messages) {
      expect(message?.parts.map((part) => 'text' in part && part.text)).toEqual([
        'Thinking.',
        'Hello, world.',
      ])
    }
    expect(await final(await transport.reconnectToStream({ chatId: 'c' }))).toEqual(messages[1])
  },
)

test('a chat that is loaded without an answer has nothing to resume, and one with a relayed answer resumes it', async () => {
  const transport = new DefaultChatTransport({ api: `${app.url}/relayed` })
  expect(await transport.reconnectToStream({ chatId: 'c' })).toBeNull()
  const first = await transport.sendMessages({ ...ASK, trigger: 'submit-message' })
  const second = await transport.reconnectToStream({ chatId: 'c' })
  void model.write('Hello.')
  await model.close()
  expect((await final(second))?.parts).toEqual((await final(first))?.parts)
})

test('an answer that is cancelled fails in the chat', async () => {
  const transport = new DefaultChatTransport({ api: `${app.url}/stream` })
  const first = await transport.sendMessages({ ...ASK, trigger: 'submit-message' })
  void model.write('Hello, ')
  await expect.poll(() => hub.findStream('answer')).toMatchObject({ state: 'open' })
  const shown = final(first)
  // Its rejection may come before the response.
  shown.catch(() => undefined)
  expect((await fetch(`${app.url}/stream`, { method: 'DELETE' })).status).toBe(204)
  await expect(shown).rejects.toThrow('The stream was cancelled.')
})
