import type { CompleteEventLog, LogError, StoredEvent } from '@tailrace/log'
import { vi } from 'vitest'

export interface RecordedTail {
  readonly events: readonly StoredEvent[]
  readonly interruptions: readonly (LogError | 'resumed')[]
  readonly failures: readonly LogError[]
  /** Resolves once the tail has reported an event with this offset, or a larger one. */
  reach(offset: number): Promise<void>
  /** Resolves once there were that many interruptions and ends of them. */
  until(count: number): Promise<void>
}

export async function recordTail(log: CompleteEventLog): Promise<RecordedTail> {
  const events: StoredEvent[] = []
  const interruptions: (LogError | 'resumed')[] = []
  const failures: LogError[] = []
  await log.tail({
    events: (run) => void events.push(...run),
    purged() {},
    lost() {},
    interrupted: (reason) => void interruptions.push(reason),
    resumed: () => void interruptions.push('resumed'),
    failed: (error) => void failures.push(error),
  })
  return {
    events,
    interruptions,
    failures,
    reach: (offset) => waitUntil(() => (events.at(-1)?.offset ?? 0) >= offset),
    until: (count) => waitUntil(() => interruptions.length >= count),
  }
}

async function waitUntil(isSo: () => boolean): Promise<void> {
  await vi.waitUntil(isSo, { timeout: 30_000, interval: 5 })
}

export async function readAll(log: CompleteEventLog): Promise<StoredEvent[]> {
  const events: StoredEvent[] = []
  for (let after = 0; ;) {
    const page = await log.read({ selectors: ['**'], after, limit: 10_000, maxBytes: 2 ** 30 })
    events.push(...page.events)
    if (!page.more) return events
    after = page.next
  }
}
