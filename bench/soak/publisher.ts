import { publish } from '@tailrace/client'
import type { Auditor } from '@tailrace/testkit'

/** An attempt without a response is aborted after this time, and repeated. */
const ATTEMPT_MS = 5_000

/**
 * Publishes one event after another, each until it is acknowledged, however often the hub dies meanwhile. The
 * idempotency key turns all attempts into one event.
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
        // The hub died before it responded, or before it stored the event: the next attempt finds out.
      }
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}
