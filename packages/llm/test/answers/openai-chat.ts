import { unnamed } from './frames.ts'

const HEAD = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1_790_000_000, model: 'gpt-5' }

function chunk(delta: object, finish_reason: string | null = null): object {
  const choices = [{ index: 0, delta, logprobs: null, finish_reason }]
  return { ...HEAD, choices, usage: null, obfuscation: 'k3Jd' }
}

/** Text with everything that a frame must survive, a tool call, and the usage at the end. */
const CHAT_CHUNKS: readonly object[] = [
  chunk({ role: 'assistant', content: '', refusal: null }),
  ...['Hé', 'llo', ',\n\n', '"wor', 'ld" 🌍', ' data: [DONE]', ' "error": {}'].map((content) =>
    chunk({ content }),
  ),
  chunk({
    tool_calls: [
      { index: 0, id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '' } },
    ],
  }),
  ...['{"ci', 'ty":"Par', 'is"}'].map((text) =>
    chunk({ tool_calls: [{ index: 0, function: { arguments: text } }] }),
  ),
  chunk({}, 'tool_calls'),
  {
    ...HEAD,
    choices: [],
    usage: { prompt_tokens: 9, completion_tokens: 12, total_tokens: 21 },
    obfuscation: '',
  },
]

export const CHAT_ANSWER: string = `${unnamed(CHAT_CHUNKS)}data: [DONE]\n\n`
