import type { Dialect, Hub } from '@tailrace/hub'
import type { Exchange } from '../exchange.ts'
import { toProblem } from '../problem.ts'
import { isRefusal, refuse } from '../refusal.ts'

/**
 * Runs a handler. Refusals become the answer, and those that are not the reader's fault are reported to the hub as well.
 * Whatever else it throws is left to the application.
 */
export async function answering(
  { hub, exchange, dialect }: { hub: Hub; exchange: Exchange; dialect?: Dialect | undefined },
  handle: () => Promise<void>,
): Promise<void> {
  exchange.setHeader('X-Content-Type-Options', 'nosniff')
  try {
    await handle()
  } catch (error) {
    if (!isRefusal(error)) throw error
    const problem = toProblem(error)
    // Too much load is not a failure.
    if (problem.status >= 500 && problem.code !== 'busy') hub.report(error)
    if (!exchange.isGone && !exchange.isEnded) refuse(hub, exchange, error, problem, dialect)
  }
}
