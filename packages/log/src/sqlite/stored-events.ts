import type { NewEvent, StoredEvent } from '../event-log.ts'
import type { BatchResult } from './event-table.ts'

/** The events of a batch as they are in the log: without those that were refused, or known already. */
export function storedEvents(batch: readonly NewEvent[], result: BatchResult, time: number): StoredEvent[] {
  if (!('appended' in result)) return []
  return result.appended.flatMap(({ offset, duplicate }, i) => {
    if (duplicate) return []
    const { topic, type, key, data, remove = false, end = false, trace } = batch[i]!
    return { offset, topic, type, key, data, time, remove, end, trace }
  })
}
