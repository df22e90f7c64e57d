import { RelayError } from '../errors.ts'
import { excerptOf, readExcerpt } from './excerpt.ts'

/** The names of the field in which OpenAI and Anthropic identify a request. */
const REQUEST_ID = ['x-request-id', 'request-id']

/**
 * The body of a response that is an event stream.
 *
 * @throws RelayError `upstream-refused` with the status, the identifier of the request, and the beginning of the body
 */
export async function requireEventStream(response: Response): Promise<ReadableStream<Uint8Array>> {
  const { ok, status, headers, body } = response
  const type = headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase()
  if (ok && type === 'text/event-stream' && body !== null) return body
  const requestId = REQUEST_ID.map((name) => headers.get(name)).find((id) => id !== null)
  const what = ok
    ? `an answer of type ${type ?? 'unknown'} instead of an event stream: request one with \`stream: true\``
    : `status ${status}`
  const details = { status, requestId, body: await readExcerpt(body) }
  throw new RelayError('upstream-refused', `The API responded with ${what}${named(requestId)}.`, { details })
}

/** The refusal that a client library has thrown instead of returning a response, or the reason why there is none. */
export function refusalOf(cause: unknown): RelayError {
  const { status, requestID, message } = cause as { status?: unknown; requestID?: unknown; message?: unknown }
  if (typeof status !== 'number') {
    return new RelayError('upstream-refused', 'The API could not be reached.', { cause })
  }
  const requestId = typeof requestID === 'string' ? requestID : undefined
  const body = typeof message === 'string' ? excerptOf(message) : undefined
  const details = { status, requestId, body }
  return new RelayError('upstream-refused', `The API responded with status ${status}${named(requestId)}.`, {
    details,
    cause,
  })
}

function named(requestId: string | undefined): string {
  return requestId === undefined ? '' : ` (request ${requestId})`
}
