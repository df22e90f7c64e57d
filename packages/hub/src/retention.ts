import { capabilityOf } from '@tailrace/log'
import type { EventLog, RetentionRule } from '@tailrace/log'
import { SteadyClock } from './steady-clock.ts'
import type { Clocks } from './steady-clock.ts'

/** Retention, running in the background. */
export interface Retention {
  /** Takes note of the time of an event that was stored just now. */
  witness(time: number): void
  /** Resolves when the current step is done. */
  stop(): Promise<void>
}

const NO_RETENTION: Retention = { witness() {}, async stop() {} }

/**
 * Applies the rules round after round, step by step. Between two steps, the log serves waiting requests, so a publish
 * waits for at most one small step.
 */
export function startRetention(
  log: EventLog,
  rules: readonly RetentionRule[],
  intervalMs: number,
  onError: (error: unknown) => void,
  clocks?: Clocks,
): Retention {
  if (log.retention === undefined) return NO_RETENTION
  const retention = capabilityOf(log, 'retention')
  const stopped = new AbortController()
  let clock: SteadyClock | undefined
  const started = startClock(log, rules, clocks)
  let round: Promise<void> = Promise.resolve()
  let timer = setTimeout(begin, intervalMs)

  function begin(): void {
    round = runRound()
  }

  async function runRound(): Promise<void> {
    try {
      clock ??= await started
      const now = clock.now()
      while (!stopped.signal.aborted) {
        const { done } = await retention.trim(rules, now)
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
    witness: (time) => clock?.witness(time),
    async stop() {
      stopped.abort()
      clearTimeout(timer)
      await round
    },
  }
}

/** @throws LogError `unsupported` if a rule has a bound and the log cannot remove events */
export function assertEnforceable(rules: readonly RetentionRule[], log: EventLog): void {
  if (rules.some(isBounded)) capabilityOf(log, 'retention')
}

function isBounded({ maxAgeMs, maxCount, maxBytes }: RetentionRule): boolean {
  return maxAgeMs !== undefined || maxCount !== undefined || maxBytes !== undefined
}

async function startClock(
  log: EventLog,
  rules: readonly RetentionRule[],
  clocks: Clocks | undefined,
): Promise<SteadyClock> {
  const needsTime = rules.some(({ maxAgeMs }) => maxAgeMs !== undefined)
  return needsTime ? clockOf(log, clocks) : new SteadyClock(undefined, clocks)
}

/** Starts a clock that trusts the time of the newest event, which is all that is known about the time before this process. */
export async function clockOf(log: EventLog, clocks?: Clocks): Promise<SteadyClock> {
  const read = async (): Promise<number | undefined> => {
    const { newest } = await log.describe()
    const { events } = await log.read({ selectors: ['**'], after: newest - 1, limit: 1, maxBytes: 1 })
    return events[0]?.time
  }
  // If the log cannot be read, the requests that need its events report it.
  return new SteadyClock(await read().catch(() => undefined), clocks)
}
