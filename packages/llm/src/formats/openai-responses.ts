import type { Format } from './format.ts'
import { hasMember, textMember } from './json-member.ts'

/**
 * OpenAI's Responses: every event has a name, which is also the `type` of its data. The client reads only the data, so
 * compatible servers leave the name out.
 */
export const openaiResponses: Format = {
  ending({ type, data }) {
    switch (type ?? textMember(data, 'type')) {
      case 'response.completed':
      case 'response.incomplete':
        return 'complete'
      case 'response.failed':
      case 'error':
        return 'failed'
      default:
        return hasMember(data, 'error') ? 'failed' : undefined
    }
  },
  endsWithResponse: false,
  done: undefined,
  // As it is documented, and as the API sends it: the client for Python looks at `error` only.
  failure: (code, message) => {
    const facts = { code, message, param: null }
    const error = { type: 'server_error', ...facts }
    return { type: 'error', data: JSON.stringify({ type: 'error', ...facts, sequence_number: 0, error }) }
  },
  headers: {},
  absent: 404,
}
