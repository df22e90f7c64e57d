import { setTimeout as delay } from 'node:timers/promises'
import { ApiError, postBatch } from '../cli/api.ts'
import type { Line } from './lines.ts'

/** The bound of the first wait after a failure; it doubles with each. */
const FIRST_RETRY_MS = 500
/** The longest wait between two attempts. */
const MAX_RETRY_MS = 15_000

const TOO_LARGE = 413

/** Where lines go. */
export interface Destination {
  readonly url: string
  readonly token?: string | undefined
  readonly topic: string
  /** The type of every event. @defaultValue none */
  readonly type?: string | undefined
  readonly signal: AbortSignal
  /** Told, in a sentence, of what a person should know: a hub that is away, a line that is skipped. */
  notice(text: string): void
}

/**
 * Publishes lines, in order, and resolves when the hub has acknowledged them. Their keys make it safe to send
 * them again: after a lost answer, or from the next process.
 *
 * @throws ApiError when the hub refuses them for good
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
    // Which line was too large, or that it was the batch, is found out by halves.
    const middle = lines.length >> 1
    await deliver(lines.slice(0, middle), generation, destination)
    await deliver(lines.slice(middle), generation, destination)
  }
}

/** Sends a batch until the hub has answered. */
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
    // Full jitter: followers that lost their hub together do not come back together.
    const bound = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, 10))
    await delay(Math.random() * bound, undefined, { signal })
  }
}
