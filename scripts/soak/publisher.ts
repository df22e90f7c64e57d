import { publish } from '@tailrace/client'
import type { Auditor } from './audit.ts'

/** An attempt that has no answer by then is given up, and made again. */
const ATTEMPT_MS = 5_000

/**
 * Publishes one event after the other, each until it is acknowledged, however often the hub dies meanwhile;
 * the idempotency key makes one event of all attempts.
 */
export async function publishOn(
  auditor: Auditor,
  name: string,
  { url, pauseMs, signal }: { url: string; pauseMs: number; signal: AbortSignal },
): Promise<void> {
  for (let n = 0; !signal.aborted; n += 1) {
    const event = { data: `${name}:${n}`, key: `${n % 50}`, idempotencyKey: `${name}:${n}` }
    for (;;) {
      try {
        const { id, duplicate = false } = await publish(`${url}/topics/soak/${name}`, event, {
          maxAttempts: 3,
          signal: AbortSignal.timeout(ATTEMPT_MS),
        })
        auditor.acknowledge(name, n, id, duplicate)
        break
      } catch {
        // The hub died with the answer, or with the event: the next attempt finds out.
      }
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}
