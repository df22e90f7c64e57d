import { isUtf8 } from 'node:buffer'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { HubError } from '@tailrace/hub'
import type { Holding } from '../limits/budget.ts'
import { sendContinue } from './continue.ts'
import { HttpError } from './problem.ts'

/** What a chunk costs, however small: its object, and what keeps it. */
const MIN_CHUNK_COST = 256
/** How much of a body is worked on before the event loop has its turn. */
const SLICE_BYTES = 64 * 1024

export interface BodyCall {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** What the body holds of the memory for all of them. */
  readonly holding: Holding
  /** Counts what has been received. */
  readonly cost: { bytes: number }
}

export interface BodyLimit {
  readonly maxBytes: number
  readonly tooLarge: 'event-too-large' | 'batch-too-large' | 'body-too-large'
}

/**
 * Receives a body, a slice at a time; others are served between slices. What is larger than its limit is refused as
 * soon as that shows, and not read to its end. Stops when the client has gone.
 *
 * @throws HttpError `busy` when all bodies together hold too much, and what `take` throws
 */
export async function receive(
  { request, response, holding, cost }: BodyCall,
  limit: BodyLimit,
  take: (slice: Buffer) => void,
): Promise<void> {
  const { headers } = request
  const encoding = headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') {
    throw new HttpError(
      'unsupported-encoding',
      'Compressed bodies are not supported: send it without Content-Encoding.',
    )
  }
  const announced = Number(headers['content-length'] ?? 0)
  if (announced > limit.maxBytes) throw refusal(limit)
  holding.requireRoom(announced)
  const chunks = request.readableDidRead ? [bytesOfParser(request)] : (request as AsyncIterable<Buffer>)
  sendContinue(response)
  let taken = 0
  for await (const chunk of chunks) {
    cost.bytes += chunk.length
    if (cost.bytes > limit.maxBytes) throw refusal(limit)
    holding.add(Math.max(chunk.length, MIN_CHUNK_COST))
    for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
      // The stream hands over what has arrived already without giving others a turn.
      if (taken >= SLICE_BYTES) {
        taken = 0
        await nextTurn()
      }
      const slice = chunk.subarray(at, at + SLICE_BYTES)
      taken += slice.length
      take(slice)
    }
  }
}

/** Receives a body as text, verbatim. @throws as `receive`; HttpError `invalid-utf8` */
export async function receiveText(call: BodyCall, limit: BodyLimit): Promise<string> {
  const chunks: Buffer[] = []
  await receive(call, limit, (chunk) => void chunks.push(chunk))
  const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
  if (!isUtf8(body))
    throw new HttpError('invalid-utf8', 'The body is not valid UTF-8: encode binary data as text.')
  return body.toString('utf8')
}

function refusal({ tooLarge, maxBytes }: BodyLimit): HubError | HttpError {
  const message = `The body is larger than the limit of ${maxBytes} bytes`
  if (tooLarge === 'body-too-large') return new HttpError(tooLarge, `${message}: send less.`, { maxBytes })
  const setting = tooLarge === 'event-too-large' ? '--max-event' : '--max-batch'
  return new HubError(tooLarge, `${message}: send less, or raise ${setting}.`, { details: { maxBytes } })
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
    'A body parser of the application has already read this request, so nothing was published: mount the hub before it, or parse with express.raw({ type: () => true }).',
  )
}
