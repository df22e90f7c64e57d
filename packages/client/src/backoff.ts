import { MAX_RETRY_MS } from '@tailrace/wire'
import type { ClientError } from './errors.ts'

/** The bound grows from here if the first one is 0. */
const LEAST_GROWTH_MS = 250

export interface DelayBounds {
  readonly initialDelayMs: number
  readonly maxDelayMs: number
}

/**
 * How long to wait before the next attempt: at least what the server asked for, plus a random time up to a bound that
 * doubles with each failure, so that clients that lost their server together do not return together.
 *
 * @param failures in a row before this one
 * @param leastMs what the server asked for
 * @param chance from 0 to 1, at random
 */
export function delayAfter(
  failures: number,
  leastMs: number,
  { initialDelayMs, maxDelayMs }: DelayBounds,
  chance: number,
): number {
  const base = Math.max(initialDelayMs, failures && LEAST_GROWTH_MS)
  const bound = Math.min(base * 2 ** failures, Math.max(maxDelayMs, initialDelayMs))
  return Math.min(leastMs + chance * bound, MAX_RETRY_MS)
}

/** Statuses that say "not now": RFC 9110, 6585 and 8470. */
const PASSING: readonly number[] = [408, 425, 429]

/** Whether the same request may be answered otherwise later. */
export function isTransient(status: number): boolean {
  return PASSING.includes(status) || status >= 500
}

/** What `Retry-After` asks for, in milliseconds from now: seconds, or a date (RFC 9110, section 10.2.3). */
export function retryAfterMs(error: ClientError, now: number): number {
  const value = (error.code === 'status' && error.retryAfter) || ''
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now
  return ms > 0 ? ms : 0
}
