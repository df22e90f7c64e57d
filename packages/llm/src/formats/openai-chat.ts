import type { Format } from './format.ts'
import { hasMember } from './json-member.ts'

/**
 * OpenAI's Chat Completions: chunks without names, then `[DONE]`. The client throws at an event `error`, and at a chunk
 * with a member `error`, which gateways send in the middle of an answer.
 */
export const openaiChat: Format = {
  ending({ type, data }) {
    if (data === '[DONE]') return 'complete'
    return type === 'error' || hasMember(data, 'error') ? 'failed' : undefined
  },
  endsWithResponse: false,
  done: { type: undefined, data: '[DONE]' },
  failure: (code, message) => ({
    type: undefined,
    data: JSON.stringify({ error: { message, type: 'server_error', param: null, code } }),
  }),
  headers: {},
  absent: 404,
}
