import { createDecoder } from '@tailrace/wire'
import type { DecodedEvent } from '@tailrace/wire'
import { ClientError } from './errors.ts'
import { controlOf, facts } from './items.ts'
import type { Intake } from './intake.ts'
import { send, streamHeaders } from './request.ts'
import { decode, streamOf } from './stream.ts'

/** How many of the newest events are remembered, to recognize events that a server sends again after a reconnection. */
const MAX_SEEN = 256

/** Requests a stream, and reads it to its end. @throws ClientError why another attempt is necessary */
export async function readStream(intake: Intake, signal: AbortSignal): Promise<void> {
  const { settings, url, lastEventId, seen, sink, tokens, note, take } = intake
  const response = await send(url, settings, { own: streamHeaders(lastEventId), signal, tokens })
  if (response.status === 204) return take(controlOf('tailrace.end', lastEventId))
  const stream = streamOf(response)
  // A hub sends bytes at once. Other servers may be silent at first.
  let isOpen = !intake.isHub
  if (isOpen) note({ kind: 'opened' })
  signal.addEventListener('abort', stream.cancel)

  /** Whether every event so far was a repeat: a server that resumes too early repeats events only at the beginning. */
  let isOverlap = true
  /** Actions for each event and comment, in stream order. */
  const arrived: (() => unknown)[] = []
  let id: string | undefined
  let reason: string | undefined
  const { onComment } = settings
  const decoder = createDecoder(
    {
      onId: (given) => (id = given),
      onRetry: (retryMs) => note({ kind: 'terms', terms: { retryMs } }),
      onComment: onComment && ((text) => arrived.push(() => onComment(text))),
      onEvent(event) {
        const given = id
        arrived.push(() => deliver(event, given))
        id = undefined
      },
    },
    { lastEventId, maxBufferLength: settings.maxEventLength },
  )

  async function deliver(event: DecodedEvent, given: string | undefined): Promise<void> {
    const key = given && !event.type.startsWith('tailrace.') && keyOf(given, event)
    if (key && (isOverlap &&= seen.has(key))) return
    if (event.type === 'tailrace.error') reason = String(facts(event.data)['code'])
    await take(event)
    if (reason === undefined) note({ kind: 'delivered' })
    if (key) seen.add(key)
    // In the order in which they were added.
    if (seen.size > MAX_SEEN) seen.delete(seen.values().next().value!)
  }

  try {
    for (;;) {
      note({ kind: 'reading' })
      const chunk = await stream.read()
      if (!isOpen) note({ kind: 'opened' })
      isOpen = true
      note({ kind: 'received' })
      if (chunk === undefined) break
      const failure = decode(decoder, chunk)
      for (const next of arrived.splice(0)) {
        await next()
        if (signal.aborted) return
      }
      if (failure !== undefined) throw failure
      // The last block had no data: its id is a position, and does not belong to the next event.
      if (id !== undefined) await take(controlOf('tailrace.place', id))
      id = undefined
      await sink.room()
    }
  } finally {
    stream.cancel()
  }
  if (reason === undefined) throw new ClientError('closed-by-server', 'The stream has ended')
  throw new ClientError('refused-by-server', `The server ended the stream: ${reason}`, {
    details: { reason },
  })
}

/**
 * Identifies an event. The id alone is not enough, because some servers restart their numbering with each connection.
 * The data is hashed to keep the key small.
 */
function keyOf(id: string, { type, data }: DecodedEvent): string {
  let hash = 0
  for (let i = 0; i < data.length; i += 1) hash = (hash * 31 + data.charCodeAt(i)) | 0
  return `${id} ${type} ${hash}`
}
