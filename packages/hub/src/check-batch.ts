import { LogError, parseTopic } from '@tailrace/log'
import type { NewEvent, TraceContext } from '@tailrace/log'
import { HubError } from './errors.ts'
import type { HubErrorCode, HubErrorDetails } from './errors.ts'
import type { ResolvedHubOptions } from './options.ts'

/** Maximum length of a type, key or idempotency key, in bytes of UTF-8. */
export const MAX_NAME_BYTES = 256
/**
 * Maximum length of a field of a trace context: the length that all implementations must propagate (Trace Context,
 * 3.3.1.5).
 */
const MAX_TRACE_BYTES = 512

/** The prefix of types that only the hub may send. */
export const RESERVED_TYPE_PREFIX = 'tailrace.'

type Limits = Pick<ResolvedHubOptions, 'maxEventBytes' | 'maxBatchBytes' | 'maxBatchEvents'>

/** Why an event is rejected. */
interface Flaw {
  readonly code: HubErrorCode
  readonly message: string
  readonly details?: HubErrorDetails
}

const MISSING_KEY: Flaw = {
  code: 'missing-key',
  message: 'The event removes a key and has none: give it the key to remove.',
}

/**
 * Checks a batch before the log, which trusts it, sees any of it. Nothing that a publisher sends may forge a frame
 * (invariant 8), so a field that becomes a line must not contain a line end.
 *
 * @throws HubError; `details.index` names the first bad event
 */
export function checkBatch(batch: readonly NewEvent[], limits: Limits): void {
  if (batch.length === 0) throw new HubError('empty-batch', 'The batch has no events: publish at least one.')
  const { maxBatchEvents, maxBatchBytes } = limits
  if (batch.length > maxBatchEvents) {
    const message = `The batch has more than ${maxBatchEvents} events: split it.`
    throw new HubError('batch-too-large', message, { details: { maxBatchEvents, index: maxBatchEvents } })
  }
  let total = 0
  let known: string | undefined
  for (const [index, event] of batch.entries()) {
    const bytes = Buffer.byteLength(event.data)
    total += bytes
    const flaw =
      // Most batches are for one topic.
      (event.topic === known ? undefined : flawOfTopic(event.topic)) ??
      flawOf(event, bytes, limits) ??
      (total > maxBatchBytes ? tooLarge(maxBatchBytes) : undefined)
    known = event.topic
    if (flaw === undefined) continue
    throw new HubError(flaw.code, flaw.message, { details: { ...flaw.details, index } })
  }
}

function flawOf(event: NewEvent, bytes: number, { maxEventBytes }: Limits): Flaw | undefined {
  const { type, key, remove, idempotencyKey, trace, data } = event
  const flaw =
    flawOfName('invalid-type', 'type', type) ??
    flawOfName('invalid-key', 'key', key) ??
    (key === undefined && remove === true ? MISSING_KEY : undefined) ??
    flawOfName('invalid-idempotency-key', 'idempotency key', idempotencyKey) ??
    (trace === undefined ? undefined : flawOfTrace(trace))
  if (flaw !== undefined) return flaw
  if (type?.startsWith(RESERVED_TYPE_PREFIX) === true)
    return {
      code: 'reserved-type',
      message: `Types that start with ${RESERVED_TYPE_PREFIX} are reserved for the hub.`,
    }
  if (!data.isWellFormed()) {
    const message = 'The data is not valid Unicode: it contains a lone surrogate.'
    return { code: 'invalid-data', message }
  }
  if (bytes <= maxEventBytes) return undefined
  const message = `The event has ${bytes} bytes, but at most ${maxEventBytes} are allowed.`
  return { code: 'event-too-large', message, details: { bytes, maxEventBytes } }
}

function tooLarge(maxBatchBytes: number): Flaw {
  const message = `The batch has more than ${maxBatchBytes} bytes: split it.`
  return { code: 'batch-too-large', message, details: { maxBatchBytes } }
}

function flawOfTopic(topic: string): Flaw | undefined {
  try {
    parseTopic(topic)
    return undefined
  } catch (error) {
    if (!LogError.is(error)) throw error
    return { code: 'invalid-topic', message: error.message, details: error.details }
  }
}

function flawOfTrace({ traceparent, tracestate }: TraceContext): Flaw | undefined {
  return (
    flawOfName('invalid-trace', 'traceparent', traceparent, MAX_TRACE_BYTES) ??
    flawOfName('invalid-trace', 'tracestate', tracestate, MAX_TRACE_BYTES)
  )
}

const LINE_END_OR_NUL = /[\r\n\0]/

function flawOfName(
  code: HubErrorCode,
  what: string,
  value: string | undefined,
  maxBytes = MAX_NAME_BYTES,
): Flaw | undefined {
  if (value === undefined) return undefined
  const flaw =
    value === ''
      ? 'is empty: leave it out instead'
      : LINE_END_OR_NUL.test(value)
        ? 'contains a CR, LF or NUL, which could forge a frame'
        : !value.isWellFormed()
          ? 'is not valid Unicode'
          : Buffer.byteLength(value) > maxBytes
            ? `is longer than ${maxBytes} bytes`
            : undefined
  return flaw === undefined ? undefined : { code, message: `The ${what} ${flaw}.` }
}
