import type { EventLog, LogError, StoredEvent } from '@tailrace/log'

/** What a tail was told. */
export interface Told {
  readonly events: StoredEvent[]
  /** Up to where something was lost, each time. */
  readonly losses: number[]
  readonly interruptions: (LogError | 'resumed')[]
  readonly failures: LogError[]
}

export async function follow(log: EventLog): Promise<Told> {
  const told: Told = { events: [], losses: [], interruptions: [], failures: [] }
  await log.tail({
    events: (events) => void told.events.push(...events),
    purged() {},
    lost: (through) => void told.losses.push(through),
    interrupted: (reason) => void told.interruptions.push(reason),
    resumed: () => void told.interruptions.push('resumed'),
    failed: (error) => void told.failures.push(error),
  })
  return told
}

/** Every retained event. */
export async function readEverything(log: EventLog): Promise<StoredEvent[]> {
  const events: StoredEvent[] = []
  for (let after = 0, more = true; more;) {
    const page = await log.read({ selectors: ['**'], after, limit: 1_000, maxBytes: 2 ** 24 })
    events.push(...page.events)
    ;({ next: after, more } = page)
  }
  return events
}
