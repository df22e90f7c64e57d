import { setTimeout as sleep } from 'node:timers/promises'
import { residentBytes } from './usage.ts'

/** Watches the resident memory of processes. `stop` resolves with its most less that at the beginning, in bytes. */
export function watchMemory(pids: readonly number[]): { stop(): Promise<number> } {
  const before = residentBytes(pids)
  const end = new AbortController()
  async function watch(): Promise<number> {
    let most = before
    while (!end.signal.aborted) {
      await sleep(500)
      most = Math.max(most, residentBytes(pids))
    }
    return most - before
  }
  const growth = watch()
  return {
    stop() {
      end.abort()
      return growth
    },
  }
}
