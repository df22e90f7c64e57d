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
  failure: (code, message) => ({
    type: 'error',
    data: JSON.stringify({ type: 'error', code, message, param: null, sequence_number: 0 }),
  }),
  headers: {},
}
