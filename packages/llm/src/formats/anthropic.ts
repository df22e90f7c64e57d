import type { Format } from './format.ts'

/** Anthropic's Messages. Its client ignores events without a name, and `error` is the only one that it throws at. */
export const anthropic: Format = {
  ending({ type }) {
    if (type === 'message_stop') return 'complete'
    return type === 'error' ? 'failed' : undefined
  },
  endsWithResponse: false,
  done: undefined,
  failure: (code, message) => ({
    type: 'error',
    data: JSON.stringify({ type: 'error', error: { type: 'api_error', message, code } }),
  }),
  headers: {},
  absent: 404,
}
