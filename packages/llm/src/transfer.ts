import { HubError, StreamFailure } from '@tailrace/hub'
import type { StreamWriter } from '@tailrace/hub'
import { RelayError } from './errors.ts'
import type { Format, UpstreamEvent } from './formats/format.ts'
import { Attempt } from './upstream/attempt.ts'
import type { AttemptBounds } from './upstream/attempt.ts'
import { chunksOf } from './upstream/chunks.ts'
import { eventsOf, tooLarge } from './upstream/events.ts'
import { excerptOf } from './upstream/excerpt.ts'
import { requireEventStream } from './upstream/refusal.ts'
import { responseOf } from './upstream/response.ts'
import type { Upstream } from './upstream/response.ts'

/** An answer that is complete. */
export interface Relayed {
  /** The cursor of its end. */
  readonly id: string
  /** The number of its events. */
  readonly events: number
}

/**
 * Writes an answer to an open stream, event by event, and ends the stream with its terminal event. If the answer is not
 * complete, the stream ends in a failure.
 *
 * @throws RelayError, or the reason for which the stream was cancelled or could not be written
 */
export async function transfer(
  writer: StreamWriter,
  upstream: Upstream,
  format: Format,
  maxEventBytes: number,
  bounds: Required<AttemptBounds>,
): Promise<Relayed> {
  const attempt = new Attempt(writer.signal, bounds)
  try {
    const body = await requireEventStream(await responseOf(upstream, attempt))
    const events = eventsOf(chunksOf(body, attempt), format, maxEventBytes)
    const { last, ...relayed } = await copy(writer, events, format)
    if (last === undefined || format.ending(last) !== 'failed') return relayed
    const message = 'The API reported an error in the middle of the answer.'
    throw new RelayError('upstream-failed', message, { details: { body: excerptOf(last.data) } })
  } catch (error) {
    // Then the stream has ended.
    if (writer.signal.aborted) throw writer.signal.reason
    if (RelayError.is(error) && error.code === 'upstream-failed') throw error
    const reason =
      HubError.is(error) && error.code === 'event-too-large' ? tooLarge(maxEventBytes, error) : error
    const shown = RelayError.is(reason) ? new StreamFailure(reason.code, reason.message) : reason
    // If the log cannot store this, readers learn of it when the lease of the producer expires.
    await writer.fail(shown).catch(() => undefined)
    throw reason
  } finally {
    attempt.close()
  }
}

async function copy(
  writer: StreamWriter,
  batches: AsyncIterable<readonly UpstreamEvent[]>,
  format: Format,
): Promise<Relayed & { last?: UpstreamEvent }> {
  let count = 0
  for await (const events of batches) {
    for (const event of events) {
      count += 1
      if (format.ending(event) !== undefined)
        return { id: await writer.end(event), events: count, last: event }
      await writer.write(event.data, event)
    }
  }
  if (format.endsWithResponse) return { id: await writer.end(), events: count }
  throw new RelayError('upstream-truncated', 'The answer of the API broke off before its terminal event.')
}
