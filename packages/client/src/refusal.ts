import type { ClientError, Problem } from './errors.ts'
import { statusError, unlessAborted } from './request.ts'

/** Enough for any explanation, in characters. A server that says more is not read on. */
const MAX_PROBLEM_LENGTH = 16_384

/** A response with a status that was not wanted, as an error with what the server says about it. */
export async function refusalOf(response: Response, signal: AbortSignal | undefined): Promise<ClientError> {
  const { body, headers } = response
  // Something else, such as a proxy's page, holds its connection until somebody reads or cancels it.
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
    // Cut off, too long, or not JSON: the status says enough.
    return statusError(response)
  } finally {
    void reader.cancel().catch(() => {})
  }
}
