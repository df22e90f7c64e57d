import type { Format } from './format.ts'

/** Any other event stream: complete when the response is, and not when it breaks off. */
export const raw: Format = {
  ending: () => undefined,
  endsWithResponse: true,
  done: undefined,
  failure: (code, message) => ({ type: 'error', data: JSON.stringify({ code, message }) }),
  headers: {},
  absent: 404,
}
