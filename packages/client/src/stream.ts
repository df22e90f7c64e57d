import { ClientError } from './errors.ts'
import { parseRetryAfter } from './transient.ts'

/** An open stream. */
export interface OpenStream {
  /** Where it came from, after redirects. */
  readonly url: string
  /** Bytes as they come; nothing at the end. @throws ClientError `network` */
  read(): Promise<Uint8Array | undefined>
}

/**
 * Asks for a stream, and waits for its head.
 *
 * @returns nothing when the answer is 204: there is nothing more to come, ever
 * @throws ClientError `network`, `status` or `not-a-stream`
 */
export async function openStream(
  fetch: typeof globalThis.fetch,
  url: string,
  init: RequestInit,
): Promise<OpenStream | undefined> {
  const response = await orNetworkError(url, fetch(url, init))
  const { status, headers, body } = response
  if (status === 204) return undefined
  const type = headers.get('content-type') ?? ''
  // The media type, whatever its parameters (RFC 9110, section 8.3.1).
  if (status !== 200 || !/^text\/event-stream[ \t]*(;|$)/i.test(type)) {
    // Or the connection is held until somebody collects the body.
    void body?.cancel().catch(() => {})
    if (status !== 200) throw badStatus(url, response)
    throw new ClientError('not-a-stream', `${url} gives ${type}, no text/event-stream`, { status, type })
  }
  const reader = body?.getReader()
  return {
    url: response.url || url,
    read: async () => (reader === undefined ? undefined : (await orNetworkError(url, reader.read())).value),
  }
}

export function badStatus(url: string, { status, headers }: Response): ClientError {
  const retryAfterMs = parseRetryAfter(headers.get('retry-after'))
  return new ClientError('status', `${url} answered ${status}`, { status, retryAfterMs })
}

/** @throws ClientError `network` */
export async function orNetworkError<T>(url: string, task: Promise<T>): Promise<T> {
  try {
    return await task
  } catch (cause) {
    throw new ClientError('network', `The connection to ${url} failed`, { url }, cause)
  }
}
