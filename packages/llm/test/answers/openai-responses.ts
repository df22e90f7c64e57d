import { named } from './frames.ts'

const RESPONSE = {
  id: 'resp_1',
  object: 'response',
  created_at: 1_790_000_000,
  model: 'gpt-5',
  status: 'in_progress',
  error: null,
  incomplete_details: null,
  instructions: null,
  metadata: {},
  output: [] as object[],
  parallel_tool_calls: true,
  temperature: 1,
  tool_choice: 'auto',
  tools: [],
  top_p: 1,
}
const REASONING = { id: 'rs_1', type: 'reasoning', summary: [] as object[] }
const SUMMARY = { type: 'summary_text', text: 'Thinking of\nParis.' }
const MESSAGE = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  status: 'in_progress',
  content: [] as object[],
}
const TEXT = { type: 'output_text', text: 'Hé\nllo 🌍', annotations: [], logprobs: [] }
const CALL = {
  id: 'fc_1',
  type: 'function_call',
  status: 'in_progress',
  call_id: 'call_1',
  name: 'f',
  arguments: '',
}
const ARGUMENTS = '{"city":"Paris"}'

const DONE = [
  { ...REASONING, summary: [SUMMARY] },
  { ...MESSAGE, status: 'completed', content: [TEXT] },
  { ...CALL, status: 'completed', arguments: ARGUMENTS },
]
const USAGE = {
  input_tokens: 9,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: 12,
  output_tokens_details: { reasoning_tokens: 4 },
  total_tokens: 21,
}

const reasoning = { item_id: 'rs_1', output_index: 0, summary_index: 0 }
const message = { item_id: 'msg_1', output_index: 1, content_index: 0 }
const call = { item_id: 'fc_1', output_index: 2 }

/** Reasoning, text and a call of a function. */
const RESPONSE_EVENTS: readonly { readonly type: string }[] = [
  { type: 'response.created', response: RESPONSE },
  { type: 'response.in_progress', response: RESPONSE },
  { type: 'response.output_item.added', output_index: 0, item: REASONING },
  { type: 'response.reasoning_summary_part.added', ...reasoning, part: { type: 'summary_text', text: '' } },
  ...['Thinking of', '\nParis.'].map((delta) => ({
    type: 'response.reasoning_summary_text.delta',
    ...reasoning,
    delta,
  })),
  { type: 'response.reasoning_summary_text.done', ...reasoning, text: SUMMARY.text },
  { type: 'response.reasoning_summary_part.done', ...reasoning, part: SUMMARY },
  { type: 'response.output_item.done', output_index: 0, item: DONE[0] },
  { type: 'response.output_item.added', output_index: 1, item: MESSAGE },
  { type: 'response.content_part.added', ...message, part: { ...TEXT, text: '' } },
  ...['Hé', '\nllo', ' 🌍'].map((delta) => ({
    type: 'response.output_text.delta',
    ...message,
    delta,
    logprobs: [],
  })),
  { type: 'response.output_text.done', ...message, text: TEXT.text, logprobs: [] },
  { type: 'response.content_part.done', ...message, part: TEXT },
  { type: 'response.output_item.done', output_index: 1, item: DONE[1] },
  { type: 'response.output_item.added', output_index: 2, item: CALL },
  ...['{"city":', '"Paris"}'].map((delta) => ({
    type: 'response.function_call_arguments.delta',
    ...call,
    delta,
  })),
  { type: 'response.function_call_arguments.done', ...call, name: 'f', arguments: ARGUMENTS },
  { type: 'response.output_item.done', output_index: 2, item: DONE[2] },
  { type: 'response.completed', response: { ...RESPONSE, status: 'completed', output: DONE, usage: USAGE } },
].map((event, i) => ({ ...event, sequence_number: i }))

export const RESPONSE_ANSWER: string = named(RESPONSE_EVENTS)
