/** The first pause, in milliseconds. Each one is twice as long as the one before, and varied by up to a half. */
const FIRST_PAUSE_MS = 50

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
    await pause(pauseMs * (0.5 + Math.random()), signal)
    if (signal.aborted) return undefined
    try {
      return await attempt()
    } catch (error) {
      failed(error)
    }
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => {
    const timer = setTimeout(end, ms)
    function end(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    signal.addEventListener('abort', end)
  })
}
