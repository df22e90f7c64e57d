import type { CompleteEventLog } from '@tailrace/log'

const NOBODY = { events() {}, purged() {}, interrupted() {}, resumed() {}, failed() {} }

/**
 * A log that reports what it has stored before it says so, like those of one process. The tail of an engine may be
 * later, which is tested with a log that lags on purpose; here it would only be chance.
 */
export function echoing(log: CompleteEventLog): CompleteEventLog {
  return {
    ...log,
    async append(batch) {
      const appended = await log.append(batch)
      // A tail begins at, or after, everything that this node has stored.
      const tail = await log.tail(NOBODY)
      tail.stop()
      return appended
    },
  }
}
