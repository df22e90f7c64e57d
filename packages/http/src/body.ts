import type { Holding } from './budget.ts'
import { HttpError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { utf8Of } from './utf8.ts'

/** The least that a chunk costs, in bytes: its object, and its place in the list that holds it. */
const MIN_CHUNK_COST = 256
/** How much of a body is processed before the event loop runs other work. */
const SLICE_BYTES = 64 * 1024

export interface BodyCall {
  readonly exchange: Exchange
  /** The body's part of the memory for all bodies. */
  readonly holding: Holding
  /** Counts what has been received. */
  readonly cost: { bytes: number }
}

export interface BodyLimit {
  readonly maxBytes: number
  readonly tooLarge: 'event-too-large' | 'batch-too-large' | 'body-too-large'
}

/**
 * Receives a body slice by slice; others are served between slices. A body that is larger than its limit is refused as
 * soon as that is known, and not read to its end. Stops when the client is gone.
 *
 * @throws HttpError `busy` if all bodies together hold too much; whatever `take` throws
 */
export async function receive(
  call: BodyCall,
  limit: BodyLimit,
  take: (slice: Buffer) => void | Promise<void>,
): Promise<void> {
  requireReceivable(call, limit)
  const { body } = call.exchange
  let taken = 0
  for await (const chunk of Buffer.isBuffer(body) ? [body] : body) {
    hold(call, limit, chunk)
    for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
      // The stream hands over everything that has arrived without letting the event loop run.
      if (taken >= SLICE_BYTES) {
        taken = 0
        await new Promise(setImmediate)
      }
      const slice = chunk.subarray(at, at + SLICE_BYTES)
      taken += slice.length
      await take(slice)
    }
  }
}

/** Receives a body as text, verbatim; at once if it has arrived. @throws as `receive`; HttpError `invalid-utf8` */
export function receiveText(call: BodyCall, limit: BodyLimit): string | Promise<string> {
  requireReceivable(call, limit)
  const { body } = call.exchange
  return Buffer.isBuffer(body) ? textOf(hold(call, limit, body)) : collectText(call, limit, body)
}

async function collectText(call: BodyCall, limit: BodyLimit, body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of body) chunks.push(hold(call, limit, chunk))
  return textOf(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks))
}

function textOf(body: Buffer): string {
  const text = utf8Of(body)
  if (text === undefined)
    throw new HttpError('invalid-utf8', 'The body is not valid UTF-8: encode binary data as text.')
  return text
}

/** Refuses a body as far as its head shows. */
function requireReceivable({ exchange, holding }: BodyCall, limit: BodyLimit): void {
  const encoding = exchange.header('content-encoding')
  if (encoding !== undefined && encoding !== 'identity') {
    throw new HttpError(
      'unsupported-encoding',
      'Compressed bodies are not supported: send it without Content-Encoding.',
    )
  }
  const announced = Number(exchange.header('content-length') ?? 0)
  if (announced > limit.maxBytes) throw refusal(limit)
  holding.requireRoom(announced)
}

/** Counts a chunk that has arrived. @returns the chunk */
function hold({ holding, cost }: BodyCall, limit: BodyLimit, chunk: Buffer): Buffer {
  cost.bytes += chunk.length
  if (cost.bytes > limit.maxBytes) throw refusal(limit)
  holding.add(Math.max(chunk.length, MIN_CHUNK_COST))
  return chunk
}

/** The refusal of a request whose body the application has read. */
export function bodyConsumed(): HttpError {
  return new HttpError(
    'body-consumed',
    'A body parser of the application has already read this request, so nothing was published: mount the hub before it, or parse with express.raw({ type: () => true }).',
  )
}

function refusal({ tooLarge, maxBytes }: BodyLimit): HttpError {
  const message = `The body is larger than the limit of ${maxBytes} bytes`
  if (tooLarge === 'body-too-large')
    return new HttpError(tooLarge, `${message}: send less.`, { details: { maxBytes } })
  const setting = tooLarge === 'event-too-large' ? '--max-event' : '--max-batch'
  return new HttpError(tooLarge, `${message}: send less, or raise ${setting}.`, { details: { maxBytes } })
}
