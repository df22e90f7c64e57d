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
  tooLarge: 'event-too-large' | 'batch-too-large',
): Promise<string> {
  const encoding = request.headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') {
    throw new HttpError(
      'unsupported-encoding',
      'Bodies are taken as they are: send it without Content-Encoding.',
    )
  }
  const refusal = (): HubError =>
    new HubError(tooLarge, `The body is larger than the ${maxBytes} bytes that are taken.`, {
      details: { maxBytes },
    })
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw refusal()
  if (request.readableDidRead) {
    const body = bytesOfParser(request)
    if (body.length > maxBytes) throw refusal()
    return decode(body)
  }
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxBytes) throw refusal()
    chunks.push(chunk)
  }
  return decode(Buffer.concat(chunks, length))
}

function decode(body: Buffer): string {
  if (!isUtf8(body))
    throw new HttpError('invalid-utf8', 'The body is not valid UTF-8: encode binary data as text.')
  return body.toString('utf8')
}

/**
 * The body of a request that middleware of the application has read already. Only bytes are taken: a text or an object
 * would be stored as what the parser made of the body, and no longer verbatim.
 *
 * @throws HttpError `body-consumed`
 */
function bytesOfParser(request: IncomingMessage & { readonly body?: unknown }): Buffer {
  if (Buffer.isBuffer(request.body)) return request.body
  throw new HttpError(
    'body-consumed',
    'A body parser of the application has read this request, so nothing was published: mount the hub before it, or parse with express.raw({ type: () => true }).',
  )
}
