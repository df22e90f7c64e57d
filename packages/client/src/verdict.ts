import { MAX_RETRY_MS } from '@tailrace/wire'
import type { Backoff } from './backoff.ts'
import type { ClientError, ClientErrorCode } from './errors.ts'
import type { SubscribeOptions } from './options.ts'
import { isTransient, parseRetryAfter } from './transient.ts'

/** What would be the same the next time, unless its status says otherwise. */
const LASTING: readonly ClientErrorCode[] = [
  'status',
  'not-a-stream',
  'too-large',
  'invalid-event',
  'invalid-id',
]

/** How long to wait before the next attempt, in milliseconds; nothing when there should be none. */
export function delayAfter(
  error: ClientError,
  { onerror }: Pick<SubscribeOptions, 'onerror'>,
  backoff: Backoff,
): number | undefined {
  const decision = onerror?.(error)
  if (typeof decision === 'number' && decision >= 0) return Math.min(decision, MAX_RETRY_MS)
  const { code, details } = error
  const isPassing = decision === 'retry' || !LASTING.includes(code) || isTransient(details['status'])
  if (decision === 'stop' || !isPassing) return undefined
  return backoff.next(parseRetryAfter(details['retryAfter'] as string | undefined))
}
