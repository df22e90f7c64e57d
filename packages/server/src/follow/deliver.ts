import { ClientError, publish } from '@tailrace/client'
import type { NewEvent } from '@tailrace/client'
import { explain, headersOf, topicAddress } from '../remote-hub.ts'
import type { RemoteHub } from '../remote-hub.ts'
import type { Line } from './lines.ts'

const TOO_LARGE = 413

/** Where lines are published. */
export interface Destination extends RemoteHub {
  readonly topic: string
  /** The type of every event. @defaultValue none */
  readonly type?: string | undefined
  readonly signal: AbortSignal
  /** Called with messages for a person: that the hub is not reachable, or that a line is skipped. */
  notice(text: string): void
}

/**
 * Publishes lines in order, and resolves when the hub has acknowledged them. Their idempotency keys make it safe to
 * send them again, after a lost response or from the next process.
 *
 * @throws ClientError if the hub refuses them permanently
 */
export async function deliver(
  lines: readonly Line[],
  generation: string,
  destination: Destination,
): Promise<void> {
  const { type, notice } = destination
  const events = lines.map(({ offset, bytes }) => ({
    data: bytes.toString('utf8'),
    type,
    idempotencyKey: `${generation}:${offset}`,
  }))
  try {
    await persist(events, destination)
  } catch (error) {
    if (!(ClientError.is(error) && error.code === 'status' && error.status === TOO_LARGE)) throw error
    if (lines.length === 1) {
      notice(`skipping the line at byte ${lines[0]!.offset}: ${explain(error, destination)}`)
      return
    }
    // Halving the batch finds out which line was too large, or whether the batch was.
    const middle = lines.length >> 1
    await deliver(lines.slice(0, middle), generation, destination)
    await deliver(lines.slice(middle), generation, destination)
  }
}

/** Sends a batch until the hub has responded. */
async function persist(events: readonly NewEvent[], destination: Destination): Promise<void> {
  const { topic, signal, notice } = destination
  let isAway = false
  await publish(topicAddress(destination, topic), events, {
    headers: headersOf(destination),
    signal,
    maxAttempts: Infinity,
    onRetry(error) {
      if (!isAway) notice(`${explain(error, destination)}; retrying until it succeeds`)
      isAway = true
    },
  })
  if (isAway) notice('publishing again')
}
