import type { Format } from './format.ts'

/**
 * The AI SDK's UI message stream. Its client ignores `[DONE]`, and takes the end of the response for the end of the
 * answer.
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
}
