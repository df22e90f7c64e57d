import { LogError, parseTopic } from '@tailrace/log'
import type { NewEvent, TraceContext } from '@tailrace/log'
import { HubError } from './errors.ts'
import type { HubErrorCode } from './errors.ts'
import type { ResolvedHubOptions } from './options.ts'
import { parseTraceContext } from './trace.ts'

/** The longest type, key and idempotency key, in bytes of UTF-8. */
export const MAX_NAME_BYTES = 256

/** The types that only the hub sends. */
export const RESERVED_TYPE_PREFIX = 'tailrace.'

type Limits = Pick<ResolvedHubOptions, 'maxEventBytes' | 'maxBatchBytes' | 'maxBatchEvents'>

/**
 * Checks a batch before the log, which trusts it, sees any of it. Nothing a publisher sends may forge a
 * frame (invariant 8), so what becomes a line of its own must not contain a line end.
 *
 * @throws HubError, or LogError `invalid-topic`; `details.index` names the first bad event
 */
export function checkBatch(batch: readonly NewEvent[], limits: Limits): void {
  if (batch.length === 0) throw new HubError('empty-batch', 'The batch has no events: publish at least one.')
  const { maxBatchEvents } = limits
  if (batch.length > maxBatchEvents) {
    throw new HubError('batch-too-large', `The batch has more than ${maxBatchEvents} events: split it.`, {
      details: { maxBatchEvents, index: maxBatchEvents },
    })
  }
  let total = 0
  for (const [index, event] of batch.entries()) {
    total += checkEvent(event, index, limits)
    if (total > limits.maxBatchBytes) {
      throw new HubError(
        'batch-too-large',
        `The batch has more than ${limits.maxBatchBytes} bytes: split it.`,
        {
          details: { maxBatchBytes: limits.maxBatchBytes, index },
        },
      )
    }
  }
}

function checkEvent(event: NewEvent, index: number, { maxEventBytes }: Limits): number {
  checkTopic(event.topic, index)
  if (event.type !== undefined) {
    checkName('invalid-type', 'type', event.type, index)
    if (event.type.startsWith(RESERVED_TYPE_PREFIX)) {
      throw new HubError(
        'reserved-type',
        `Types that start with ${RESERVED_TYPE_PREFIX} are reserved for the hub.`,
        {
          details: { index },
        },
      )
    }
  }
  if (event.key !== undefined) checkName('invalid-key', 'key', event.key, index)
  else if (event.remove === true) {
    throw new HubError('missing-key', 'The event removes a key and has none: give it the key to remove.', {
      details: { index },
    })
  }
  if (event.idempotencyKey !== undefined) {
    checkName('invalid-idempotency-key', 'idempotency key', event.idempotencyKey, index)
  }
  if (event.trace !== undefined) checkTrace(event.trace, index)
  if (!event.data.isWellFormed()) {
    throw new HubError('invalid-data', 'The data is not valid Unicode: it contains a lone surrogate.', {
      details: { index },
    })
  }
  const bytes = Buffer.byteLength(event.data)
  if (bytes > maxEventBytes) {
    throw new HubError(
      'event-too-large',
      `The event has ${bytes} bytes, but at most ${maxEventBytes} are allowed.`,
      {
        details: { bytes, maxEventBytes, index },
      },
    )
  }
  return bytes
}

function checkTopic(topic: string, index: number): void {
  try {
    parseTopic(topic)
  } catch (error) {
    if (!LogError.is(error)) throw error
    throw new LogError(error.code, error.message, { cause: error, details: { ...error.details, index } })
  }
}

function checkTrace({ traceparent, tracestate }: TraceContext, index: number): void {
  const trace = parseTraceContext(traceparent, tracestate)
  if (trace !== undefined && trace.tracestate === tracestate) return
  const name = trace === undefined ? 'traceparent' : 'tracestate'
  throw new HubError(
    'invalid-trace',
    `The ${name} is not valid W3C Trace Context: correct it, or leave it out.`,
    {
      details: { index },
    },
  )
}

const LINE_END_OR_NUL = /[\r\n\0]/

function checkName(code: HubErrorCode, what: string, value: string, index: number): void {
  const flaw =
    value === ''
      ? 'is empty: leave it out instead'
      : LINE_END_OR_NUL.test(value)
        ? 'contains a CR, LF or NUL, which could forge a frame'
        : !value.isWellFormed()
          ? 'is not valid Unicode'
          : Buffer.byteLength(value) > MAX_NAME_BYTES
            ? `is longer than ${MAX_NAME_BYTES} bytes`
            : undefined
  if (flaw !== undefined) throw new HubError(code, `The ${what} ${flaw}.`, { details: { index } })
}
