import type { EventLog, StoredEvent } from '@tailrace/log'

/** Everything that is retained. */
export async function readAll(log: EventLog): Promise<StoredEvent[]> {
  const events: StoredEvent[] = []
  for (let after = 0, more = true; more;) {
    const page = await log.read({ selectors: ['**'], after, limit: 1_000, maxBytes: 2 ** 20 })
    events.push(...page.events)
    after = page.next
    more = page.more
  }
  return events
}
