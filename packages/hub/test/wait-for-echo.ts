import type { CompleteEventLog } from '@tailrace/log'

/**
 * A log on an engine reports an event before or after its append resolves. Tests that look at a stream right after a
 * publish need it before.
 */
export async function waitForEcho(log: CompleteEventLog): Promise<CompleteEventLog> {
  let newest = 0
  const waiting = new Set<() => void>()
  await log.tail({
    events(events) {
      newest = events.at(-1)!.offset
      for (const look of waiting) look()
    },
    purged() {},
    lost() {},
    interrupted() {},
    resumed() {},
    failed() {},
  })
  function reach(offset: number): Promise<void> {
    return new Promise((resolve) => {
      function look(): void {
        if (newest < offset) return
        waiting.delete(look)
        resolve()
      }
      waiting.add(look)
      look()
    })
  }
  return {
    ...log,
    async append(batch) {
      const appended = await log.append(batch)
      await reach(Math.max(...appended.map(({ offset }) => offset)))
      return appended
    },
  }
}
