import type { EventLog, StoredEvent } from '@tailrace/log'

/** The size of a page, in events and in bytes of data. */
const MAX_PAGE_EVENTS = 1_000
const MAX_PAGE_BYTES: number = 1024 * 1024

/** A run of events of a log, of all topics. Empty only at its end. */
export interface Run {
  readonly events: readonly StoredEvent[]
  /** Everything up to here is in this run or before it. */
  readonly next: number
}

/** Reads the next events after an offset. */
export async function eventsAfter(
  log: EventLog,
  offset: number,
  limit: number = MAX_PAGE_EVENTS,
): Promise<Run> {
  for (let after = offset; ;) {
    const page = await log.read({ selectors: ['**'], after, limit, maxBytes: MAX_PAGE_BYTES })
    if (page.events.length > 0 || !page.more) return page
    after = page.next
  }
}
