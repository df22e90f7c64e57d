/** How often the clock is checked. If it has jumped by more than a few of these, the machine slept. */
const TICK_MS = 5_000
const SLEPT_MS = 3 * TICK_MS

/**
 * Calls back when a connection may have died unnoticed, or when a new one may succeed: the network is back, the page
 * was restored from the back/forward cache, or the machine woke up. @returns a function that stops it
 */
export function onWake(wake: () => void): () => void {
  const stop = new AbortController()
  globalThis.addEventListener?.('online', wake, stop)
  globalThis.addEventListener?.('pageshow', ({ persisted }) => persisted && wake(), stop)
  let last = Date.now()
  const timer: unknown = setInterval(() => {
    const now = Date.now()
    if (now - last > SLEPT_MS) wake()
    last = now
  }, TICK_MS)
  // In Node a timer would keep the process alive, which only the connection may do.
  ;(timer as { unref?: () => void }).unref?.()
  return () => {
    clearInterval(timer as number)
    stop.abort()
  }
}
