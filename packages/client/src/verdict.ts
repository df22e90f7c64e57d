import type { Backoff } from './backoff.ts'
import type { ClientError, ClientErrorCode } from './errors.ts'
import type { SubscribeOptions } from './options.ts'
import { isTransient } from './transient.ts'

/** What may be otherwise the next time. */
const PASSING: ReadonlySet<ClientErrorCode> = new Set([
  'network',
  'open-timeout',
  'silent',
  'closed-by-server',
  'refused-by-server',
])

/** How long to wait before the next attempt, in milliseconds; nothing when there should be none. */
export function delayAfter(
  error: ClientError,
  { onerror }: Pick<SubscribeOptions, 'onerror'>,
  backoff: Backoff,
): number | undefined {
  const decision = onerror?.(error)
  if (typeof decision === 'number') return Math.max(0, decision)
  const { code, details } = error
  const isPassing = decision === 'retry' || PASSING.has(code) || isTransient(details['status'])
  if (decision === 'stop' || !isPassing) return undefined
  return backoff.next(details['retryAfterMs'] as number | undefined)
}
