import type { ClientError, Problem } from './errors.ts'
import { statusError, unlessAborted } from './request.ts'

/** Maximum characters of an explanation. A longer one is not read to its end. */
const MAX_PROBLEM_LENGTH = 16_384

/** Converts an error response to an error with the explanation of the server. */
export async function refusalOf(response: Response, signal: AbortSignal | undefined): Promise<ClientError> {
  const { body, headers } = response
  // Any other body, such as the page of a proxy, occupies its connection until it is read or canceled.
  if (!/json/.test(headers.get('content-type') ?? '')) {
    void body?.cancel().catch(() => {})
    return statusError(response)
  }
  const reader = body!.getReader()
  const decoder = new TextDecoder()
  let text = ''
  try {
    while (text.length < MAX_PROBLEM_LENGTH) {
      const { done, value } = await unlessAborted(signal, reader.read())
      if (done) break
      text += decoder.decode(value, { stream: true })
    }
    return statusError(response, Object(JSON.parse(text)) as Problem)
  } catch {
    // Truncated, too long, or not JSON: the status is enough.
    return statusError(response)
  } finally {
    void reader.cancel().catch(() => {})
  }
}
