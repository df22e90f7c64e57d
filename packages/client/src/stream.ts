import type { Decoder } from '@tailrace/wire'
import { ClientError } from './errors.ts'
import { orNetworkError, statusError } from './request.ts'

/** An open stream. */
export interface OpenStream {
  /** The next bytes as they arrive; undefined at the end. @throws ClientError `network` or `aborted` */
  read(): Promise<Uint8Array | undefined>
  /** Stops reading, and closes the connection. */
  cancel(): void
}

/** The stream of a response. @throws ClientError `status` or `not-a-stream` */
export function streamOf(response: Response): OpenStream {
  const { status, headers, body, url } = response
  const type = headers.get('content-type') ?? ''
  // The media type, whatever its parameters (RFC 9110, section 8.3.1).
  if (status !== 200 || !/^text\/event-stream[ \t]*(;|$)/i.test(type)) {
    // Otherwise, the connection stays open until the body is garbage-collected.
    void body?.cancel().catch(() => {})
    if (status !== 200) throw statusError(response)
    throw new ClientError('not-a-stream', `${url} sent ${type}, not text/event-stream`, {
      details: { type, status },
    })
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

/** Passes a chunk to a decoder. @returns why nothing more can be decoded; everything before that was decoded */
export function decode(decoder: Decoder, chunk: Uint8Array): ClientError | undefined {
  try {
    decoder.push(chunk)
    return undefined
  } catch (cause) {
    return new ClientError('too-large', (cause as Error).message, { cause })
  }
}
