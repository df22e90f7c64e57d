export interface Watchdog {
  /** Bytes are due within so many milliseconds; with 0 at any time. */
  start(limitMs: number): void
  stop(): void
  /** Whether bytes are overdue. After sleep the timer fires late, while the clock is right at once. */
  isOverdue(): boolean
}

/** Notices that a server has stopped sending: a half-open connection is otherwise never reported. */
export function createWatchdog(onSilent: () => void): Watchdog {
  let timer: ReturnType<typeof setTimeout> | undefined
  let deadline = Infinity

  function stop(): void {
    clearTimeout(timer)
    deadline = Infinity
  }

  return {
    start(limitMs) {
      stop()
      if (limitMs === 0) return
      deadline = Date.now() + limitMs
      timer = setTimeout(onSilent, limitMs)
    },
    stop,
    isOverdue: () => Date.now() > deadline,
  }
}
