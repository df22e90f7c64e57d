import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { StreamFailure } from '@tailrace/hub'
import {
  generateId,
  JsonToSseTransformStream,
  parseJsonEventStream,
  readUIMessageStream,
  streamText,
  toUIMessageStream,
  UI_MESSAGE_STREAM_HEADERS,
  uiMessageChunkSchema,
} from 'ai'
import type { InferUIMessageChunk, ModelMessage, ToolSet } from 'ai'
import type { ChatMessage } from '../conversation.ts'

const MODEL_FAILED = 'The model could not complete this answer.'
/** What a page shows below an answer that has failed, by the code of the failure. */
const NOTES: Readonly<Record<string, string>> = {
  cancelled: 'Stopped.',
  'producer-lost': 'The server was stopped before this answer was complete.',
}

/** Asks the model. The answer comes as the chunks that `useChat` reads. */
export function askModel(messages: ModelMessage[], signal: AbortSignal): ReadableStream<string> {
  const model = createOpenAICompatible({
    name: 'model',
    baseURL: process.env['OPENAI_BASE_URL'] ?? 'https://api.openai.com/v1',
    apiKey: process.env['OPENAI_API_KEY'],
  })
  const { stream } = streamText({
    model: model(process.env['OPENAI_MODEL'] ?? 'gpt-5-mini'),
    messages,
    abortSignal: signal,
    onError: ({ error }) => console.error(error),
  })
  return toUIMessageStream<ToolSet, ChatMessage>({
    stream,
    generateMessageId: generateId,
    onError: () => MODEL_FAILED,
    messageMetadata: ({ part }) => (part.type === 'error' ? { note: MODEL_FAILED } : undefined),
  }).pipeThrough(new JsonToSseTransformStream())
}

/** The response to a page that reads an answer. */
export function toResponse(text: ReadableStream<string>): Response {
  return new Response(withEnd(text).pipeThrough(new TextEncoderStream()), {
    headers: UI_MESSAGE_STREAM_HEADERS,
  })
}

/** The message that the text of an answer amounts to, complete or not. Undefined if nothing has come. */
export async function toMessage(text: ReadableStream<string>): Promise<ChatMessage | undefined> {
  const stream = parseJsonEventStream({
    stream: withEnd(text).pipeThrough(new TextEncoderStream()),
    schema: uiMessageChunkSchema,
  }).pipeThrough(
    new TransformStream({
      transform(parsed, controller) {
        if (parsed.success) controller.enqueue(parsed.value)
      },
    }),
  )
  let message: ChatMessage | undefined
  for await (const state of readUIMessageStream<ChatMessage>({ stream })) message = state
  return message
}

/** Adds an end that `useChat` understands to a stream that fails. */
function withEnd(text: ReadableStream<string>): ReadableStream<string> {
  const reader = text.getReader()
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read()
        if (done) controller.close()
        else controller.enqueue(value)
      } catch (error) {
        // Any other error is one of this server: the page will come back and read on.
        if (!StreamFailure.is(error)) throw error
        for (const chunk of endOf(error)) controller.enqueue(`data: ${JSON.stringify(chunk)}\n\n`)
        controller.close()
      }
    },
    cancel: (reason) => reader.cancel(reason),
  })
}

function endOf({ code }: StreamFailure): InferUIMessageChunk<ChatMessage>[] {
  const note = NOTES[code] ?? MODEL_FAILED
  const isStopped = code === 'cancelled'
  return [
    { type: 'message-metadata', messageMetadata: { note } },
    isStopped ? { type: 'abort' } : { type: 'error', errorText: note },
  ]
}
