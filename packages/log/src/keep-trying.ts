import { FIRST_PAUSE_MS, pause } from './pause.ts'

/** How long to wait between attempts, and when to stop. */
export interface KeepTryingOptions {
  /** The longest pause between two attempts, in milliseconds, before it is varied. */
  readonly maxPauseMs: number
  /** Ends the attempts. */
  readonly signal: AbortSignal
  /** Called with the error of each attempt that failed. */
  failed(error: unknown): void
}

/** Makes attempts with growing pauses before each, until one succeeds. Resolves with undefined if it was ended before. */
export async function keepTrying<T>(
  attempt: () => Promise<T>,
  { maxPauseMs, signal, failed }: KeepTryingOptions,
): Promise<T | undefined> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, maxPauseMs)) {
    await pause(pauseMs, signal)
    if (signal.aborted) return undefined
    try {
      return await attempt()
    } catch (error) {
      failed(error)
    }
  }
}
