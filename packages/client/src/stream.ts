import { ClientError } from './errors.ts'
import { parseRetryAfter } from './transient.ts'

/** An open stream. */
export interface OpenStream {
  /** Bytes as they come; nothing at the end. @throws ClientError `network` */
  read(): Promise<Uint8Array | undefined>
  /** Reads no more, and lets the connection go. */
  cancel(): void
}

/**
 * The stream of an answer.
 *
 * @returns nothing when the answer is 204: there is nothing more to come, ever
 * @throws ClientError `status` or `not-a-stream`
 */
export function streamOf(response: Response): OpenStream | undefined {
  const { status, headers, body, url } = response
  if (status === 204) return undefined
  const type = headers.get('content-type') ?? ''
  // The media type, whatever its parameters (RFC 9110, section 8.3.1).
  if (status !== 200 || !/^text\/event-stream[ \t]*(;|$)/i.test(type)) {
    // Or the connection is held until somebody collects the body.
    void body?.cancel().catch(() => {})
    if (status !== 200) throw badStatus(response)
    throw new ClientError('not-a-stream', `${url} gives ${type}, no text/event-stream`, { status, type })
  }
  return readerOf(url, body?.getReader())
}

/** A stream that is open already. */
export function readerOf(url: string, reader?: ReadableStreamDefaultReader<Uint8Array>): OpenStream {
  return {
    read: async () => (await orNetworkError(url, reader?.read()))?.value,
    cancel: () => void reader?.cancel().catch(() => {}),
  }
}

export function badStatus({ status, headers, url }: Response): ClientError {
  const retryAfterMs = parseRetryAfter(headers.get('retry-after'))
  return new ClientError('status', `${url} answered ${status}`, { status, retryAfterMs })
}

/** @throws ClientError `network` */
export async function orNetworkError<T>(url: string, task: T): Promise<Awaited<T>> {
  try {
    return await task
  } catch (cause) {
    throw new ClientError('network', `The connection to ${url} failed`, { url }, cause)
  }
}
