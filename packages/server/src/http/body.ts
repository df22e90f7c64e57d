import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { HubError } from '@tailrace/hub'
import { HttpError } from './problem.ts'

/**
 * Reads a request's body as text, verbatim. Holds at most `maxBytes`; what is larger is refused as soon as
 * that shows, and not read to its end.
 */
export async function readText(
  request: IncomingMessage,
  maxBytes: number,
  tooLarge: 'event-too-large' | 'batch-too-large' | 'body-too-large',
): Promise<string> {
  const encoding = request.headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') {
    throw new HttpError(
      'unsupported-encoding',
      'Bodies are taken as they are: send it without Content-Encoding.',
    )
  }
  const refusal = (): HttpError | HubError => {
    const message = `The body is larger than the ${maxBytes} bytes that are taken.`
    return tooLarge === 'body-too-large'
      ? new HttpError(tooLarge, message, { maxBytes })
      : new HubError(tooLarge, message, { details: { maxBytes } })
  }
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw refusal()
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxBytes) throw refusal()
    chunks.push(chunk)
  }
  const body = Buffer.concat(chunks, length)
  if (!isUtf8(body))
    throw new HttpError('invalid-utf8', 'The body is not valid UTF-8: encode binary data as text.')
  return body.toString('utf8')
}
