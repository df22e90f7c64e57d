import { named } from './frames.ts'

const MESSAGE = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude-test',
  content: [],
  stop_reason: null,
  stop_sequence: null,
  usage: { input_tokens: 9, output_tokens: 1 },
}

type Event = { readonly type: string; readonly [field: string]: unknown }

function block(index: number, content_block: object, deltas: readonly object[]): readonly Event[] {
  return [
    { type: 'content_block_start', index, content_block },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
    { type: 'content_block_stop', index },
  ]
}

/** Thinking, text and a call of a tool, with a ping in between. */
const MESSAGE_EVENTS: readonly Event[] = [
  { type: 'message_start', message: MESSAGE },
  ...block(0, { type: 'thinking', thinking: '', signature: '' }, [
    { type: 'thinking_delta', thinking: 'Thinking of\n' },
    { type: 'thinking_delta', thinking: 'Paris.' },
    { type: 'signature_delta', signature: 'EqQBCgIYAhIM' },
  ]),
  { type: 'ping' },
  ...block(
    1,
    { type: 'text', text: '' },
    ['Hé', '\nllo', ' 🌍'].map((text) => ({ type: 'text_delta', text })),
  ),
  ...block(
    2,
    { type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: {} },
    ['', '{"ci', 'ty":"Paris"}'].map((partial_json) => ({ type: 'input_json_delta', partial_json })),
  ),
  {
    type: 'message_delta',
    delta: { stop_reason: 'tool_use', stop_sequence: null },
    usage: { output_tokens: 12 },
  },
  { type: 'message_stop' },
]

export const MESSAGE_ANSWER: string = named(MESSAGE_EVENTS)
