import type { Dialect, Hub } from '@tailrace/hub'
import type { Exchange } from '../exchange.ts'
import { isRefusal, refuse } from '../refusal.ts'

/** Runs a handler. Refusals become the answer; whatever else it throws is left to the application. */
export async function answering(
  { hub, exchange, dialect }: { hub: Hub; exchange: Exchange; dialect?: Dialect | undefined },
  handle: () => Promise<void>,
): Promise<void> {
  exchange.setHeader('X-Content-Type-Options', 'nosniff')
  try {
    await handle()
  } catch (error) {
    if (!isRefusal(error)) throw error
    if (!exchange.isGone && !exchange.isEnded) refuse(hub, exchange, error, undefined, dialect)
  }
}
