import { isPassing, type EventLog } from '@tailrace/log'

/** Publishes an event until it is acknowledged. A repeat has the same idempotency key. @returns its offset */
export async function publishUntilStored(log: EventLog, data: string, topic = 'a'): Promise<number> {
  for (;;) {
    try {
      const [appended] = await log.append([{ topic, data, idempotencyKey: data }])
      return appended!.offset
    } catch (error) {
      if (!isPassing(error)) throw error
      await new Promise(setImmediate)
    }
  }
}
