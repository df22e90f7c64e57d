import { setTimeout as delay } from 'node:timers/promises'
import { ApiError, postBatch } from '../cli/api.ts'
import type { Line } from './lines.ts'

/** Upper bound of the first wait after a failure. It doubles with each failure. */
const FIRST_RETRY_MS = 500
/** Maximum wait between two attempts. */
const MAX_RETRY_MS = 15_000

const TOO_LARGE = 413

/** Where lines are published. */
export interface Destination {
  readonly url: string
  readonly token?: string | undefined
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
 * @throws ApiError if the hub refuses them permanently
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
    if (!(error instanceof ApiError && error.status === TOO_LARGE)) throw error
    if (lines.length === 1) {
      notice(`skipping the line at byte ${lines[0]!.offset}: ${error.message}`)
      return
    }
    // Halving the batch finds out which line was too large, or whether the batch was.
    const middle = lines.length >> 1
    await deliver(lines.slice(0, middle), generation, destination)
    await deliver(lines.slice(middle), generation, destination)
  }
}

/** Sends a batch until the hub has responded. */
async function persist(
  events: readonly Readonly<Record<string, unknown>>[],
  { url, token, topic, signal, notice }: Destination,
): Promise<void> {
  for (let failures = 0; ; failures += 1) {
    try {
      await postBatch(url, topic, events, { token, signal })
      if (failures > 0) notice('publishing again')
      return
    } catch (error) {
      if (!(error instanceof ApiError && error.isPassing)) throw error
      if (failures === 0) notice(`${error.message}; retrying until it succeeds`)
    }
    // Full jitter, so that followers that lost their hub together do not reconnect together.
    const bound = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, 10))
    await delay(Math.random() * bound, undefined, { signal })
  }
}
