import { keepTrying } from '@tailrace/log/adapter'

/** The longest pause between two attempts, in milliseconds. */
const MAX_PAUSE_MS = 1_000

/**
 * Makes an attempt, and repeats it, with growing pauses, for as long as it fails in a way that may pass.
 *
 * @returns undefined if the signal was aborted meanwhile
 * @throws the first error that does not pass
 */
export async function persistently<T>(
  attempt: () => Promise<T>,
  mayPass: (error: unknown) => boolean,
  signal: AbortSignal,
): Promise<T | undefined> {
  const failed = (error: unknown): void => {
    if (!mayPass(error)) throw error
  }
  try {
    return await attempt()
  } catch (error) {
    failed(error)
    return keepTrying(attempt, { maxPauseMs: MAX_PAUSE_MS, signal, failed })
  }
}
