import type { Format } from './format.ts'

/**
 * The AI SDK's UI message stream. Its client ignores `[DONE]`, and takes the end of the response for the end of the
 * answer. When a page loads, it asks for an answer without knowing of one, and fails at every status but 204.
 */
export const aiSdk: Format = {
  ending: ({ data }) => (data === '[DONE]' ? 'complete' : undefined),
  endsWithResponse: false,
  done: { type: undefined, data: '[DONE]' },
  failure: (_code, message) => ({
    type: undefined,
    data: JSON.stringify({ type: 'error', errorText: message }),
  }),
  headers: { 'x-vercel-ai-ui-message-stream': 'v1' },
  absent: 204,
}
