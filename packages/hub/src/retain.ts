import type { EventLog, RetentionRule } from '@tailrace/log'

/** Retention at work in the background. */
export interface Retention {
  /** Resolves when the step under way is done. */
  stop(): Promise<void>
}

/**
 * Applies the rules round after round, step by step. Between two steps the log serves whoever waits, so that
 * a publish is behind one small step at the most.
 */
export function startRetention(
  log: EventLog,
  rules: readonly RetentionRule[],
  intervalMs: number,
  onError: (error: unknown) => void,
): Retention {
  const stopped = new AbortController()
  let round: Promise<void> = Promise.resolve()
  let timer = setTimeout(begin, intervalMs)

  function begin(): void {
    round = runRound()
  }

  async function runRound(): Promise<void> {
    try {
      while (!stopped.signal.aborted) {
        const { done } = await log.trim(rules, Date.now())
        if (done) return
      }
    } catch (error) {
      // The next round tries again.
      if (!stopped.signal.aborted) onError(error)
    } finally {
      if (!stopped.signal.aborted) timer = setTimeout(begin, intervalMs)
    }
  }

  return {
    async stop() {
      stopped.abort()
      clearTimeout(timer)
      await round
    },
  }
}
