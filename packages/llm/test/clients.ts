import Anthropic from '@anthropic-ai/sdk'
import { Stream as AnthropicStream } from '@anthropic-ai/sdk/streaming'
import OpenAI from 'openai'
import { Stream as OpenAIStream } from 'openai/streaming'
import { MESSAGE_ANSWER } from './answers/anthropic.ts'
import { CHAT_ANSWER } from './answers/openai-chat.ts'
import { RESPONSE_ANSWER } from './answers/openai-responses.ts'

/** An official client library, unmodified, as a reader of one format. */
export interface Client {
  readonly answer: string
  /** The path below the base URL to which the library posts its request. */
  readonly path: string
  /** Everything that the library yields for a request of its own. */
  events(url: string): Promise<unknown[]>
  /** The message that the library's helper has assembled at the end. */
  final(url: string): Promise<unknown>
  /** The response to a request of the library, before it has read any of it. */
  ask(url: string, signal: AbortSignal): Promise<Response>
  /** Everything that the library yields for a response that something else has asked for. */
  parse(response: Response): Promise<unknown[]>
}

export type ClientFormat = 'openai-chat' | 'openai-responses' | 'anthropic'

function openai(url: string): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: 'key', maxRetries: 0 })
}

function claude(url: string): Anthropic {
  return new Anthropic({ baseURL: url, apiKey: 'key', maxRetries: 0 })
}

const QUESTION = { role: 'user' as const, content: 'Weather?' }
const CHAT = { model: 'gpt-5', messages: [QUESTION] }
const RESPONSES = { model: 'gpt-5', input: QUESTION.content }
const MESSAGES = { model: 'claude-test', max_tokens: 100, messages: [QUESTION] }
const stream = true

async function all(events: AsyncIterable<unknown>): Promise<unknown[]> {
  const seen: unknown[] = []
  for await (const event of events) seen.push(event)
  return seen
}

export const CLIENTS: Readonly<Record<ClientFormat, Client>> = {
  'openai-chat': {
    answer: CHAT_ANSWER,
    path: '/v1/chat/completions',
    events: async (url) => all(await openai(url).chat.completions.create({ ...CHAT, stream })),
    final: (url) => openai(url).chat.completions.stream(CHAT).finalChatCompletion(),
    ask: (url, signal) =>
      openai(url)
        .chat.completions.create({ ...CHAT, stream }, { signal })
        .asResponse(),
    parse: (response) => all(OpenAIStream.fromSSEResponse(response, new AbortController())),
  },
  'openai-responses': {
    answer: RESPONSE_ANSWER,
    path: '/v1/responses',
    events: async (url) => all(await openai(url).responses.create({ ...RESPONSES, stream })),
    final: (url) => openai(url).responses.stream(RESPONSES).finalResponse(),
    ask: (url, signal) =>
      openai(url)
        .responses.create({ ...RESPONSES, stream }, { signal })
        .asResponse(),
    parse: (response) => all(OpenAIStream.fromSSEResponse(response, new AbortController())),
  },
  anthropic: {
    answer: MESSAGE_ANSWER,
    path: '/v1/messages',
    events: async (url) => all(await claude(url).messages.create({ ...MESSAGES, stream })),
    final: (url) => claude(url).messages.stream(MESSAGES).finalMessage(),
    ask: (url, signal) =>
      claude(url)
        .messages.create({ ...MESSAGES, stream }, { signal })
        .asResponse(),
    parse: (response) => all(AnthropicStream.fromSSEResponse(response, new AbortController())),
  },
}

export const FORMATS = Object.keys(CLIENTS) as readonly ClientFormat[]
