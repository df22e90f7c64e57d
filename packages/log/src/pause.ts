/** The first pause between two attempts, in milliseconds. Each one is twice as long as the one before. */
export const FIRST_PAUSE_MS = 50

/** Waits for about this long: varied by up to a half, so that nodes do not act together. Ends early with the signal. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => {
    const timer = setTimeout(end, ms * (0.5 + Math.random()))
    function end(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    signal.addEventListener('abort', end)
  })
}
