import { aiSdk } from './ai-sdk.ts'
import { anthropic } from './anthropic.ts'
import type { Format } from './format.ts'
import { openaiChat } from './openai-chat.ts'
import { openaiResponses } from './openai-responses.ts'
import { raw } from './raw.ts'

/**
 * - `openai-chat`: OpenAI's Chat Completions, and the many APIs that are compatible with it
 * - `openai-responses`: OpenAI's Responses
 * - `anthropic`: Anthropic's Messages
 * - `ai-sdk`: the AI SDK's UI message stream
 * - `raw`: any event stream; it has no terminal event, so its answer is complete when the response is
 */
export type FormatName = 'openai-chat' | 'openai-responses' | 'anthropic' | 'ai-sdk' | 'raw'

const FORMATS: Readonly<Record<FormatName, Format>> = {
  'openai-chat': openaiChat,
  'openai-responses': openaiResponses,
  anthropic,
  'ai-sdk': aiSdk,
  raw,
}

/** @throws RangeError for a name that is not a format */
export function formatOf(name: FormatName): Format {
  if (Object.hasOwn(FORMATS, name)) return FORMATS[name]
  throw new RangeError(`\`format\` must be one of ${Object.keys(FORMATS).join(', ')}, got ${name}`)
}

/**
 * Header fields that the clients of a format expect besides those of every event stream. Only `ai-sdk` has one.
 *
 * @throws RangeError for a name that is not a format
 */
export function formatHeaders(name: FormatName): Readonly<Record<string, string>> {
  return formatOf(name).headers
}
