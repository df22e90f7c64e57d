import { setTimeout as delay } from 'node:timers/promises'
import type { Hub } from '@tailrace/hub'
import type { Revocations } from './revocations.ts'

/** The pause between two reads of the revocations, in milliseconds, */
const PAUSE_MS = 1_000
/** but at least this many times as long as the last read took, so that many revocations do not occupy the log. */
const PAUSE_SHARE = 20

export interface WatchOptions {
  readonly revocations: Revocations
  readonly hub: Pick<Hub, 'revoke' | 'interruption'>
  /** Ends the watch. */
  readonly signal: AbortSignal
  /** Called with the reason when the revocations can no longer be read, once until they can be read again. */
  failed(error: unknown): void
}

/** Ends the streams of this node whose rights are revoked on another one. */
export async function watchRevocations({ revocations, hub, signal, failed }: WatchOptions): Promise<void> {
  let isFailing = false
  for (let pauseMs = PAUSE_MS; await passes(pauseMs, signal);) {
    const began = performance.now()
    try {
      const concerns = await revocations.refresh()
      if (concerns !== undefined) await hub.revoke(({ reader }) => reader !== undefined && concerns(reader))
      isFailing = false
    } catch (error) {
      // An interruption of the log has been reported.
      if (!isFailing && hub.interruption === undefined && !signal.aborted) failed(error)
      isFailing = true
    }
    pauseMs = Math.max(PAUSE_MS, PAUSE_SHARE * (performance.now() - began))
  }
}

/** Resolves with whether the time has passed, rather than been cut short. */
async function passes(ms: number, signal: AbortSignal): Promise<boolean> {
  return delay(ms, true, { signal, ref: false }).catch(() => false)
}
