import type { TraceContext } from '@tailrace/log'

/** Maximum length of `tracestate`: the length that all implementations must propagate (Trace Context, 3.3.1.5). */
const MAX_TRACESTATE_LENGTH = 512
const MAX_MEMBERS = 32

// Trace Context, 3.2: ids of zeros are invalid, and so is version ff. Later versions begin like this one, and may have
// more fields.
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/
// Trace Context, 3.3.1: a key, `=`, and a value of printable ASCII without `,` and `=` that does not end in a space.
const MEMBER =
  /^[a-z0-9][a-z0-9_\-*/]{0,255}(?:@[a-z0-9_\-*/]{1,256})?=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/

/**
 * The trace context in two headers. Undefined if it is invalid, because an invalid one must be ignored (Trace Context,
 * 4.3). An invalid `tracestate` alone is left out.
 */
export function parseTraceContext(
  traceparent: string | undefined,
  tracestate: string | undefined,
): TraceContext | undefined {
  if (traceparent === undefined || !TRACEPARENT.test(traceparent)) return undefined
  return tracestate === undefined || !isTracestate(tracestate) ? { traceparent } : { traceparent, tracestate }
}

function isTracestate(text: string): boolean {
  if (text.length > MAX_TRACESTATE_LENGTH) return false
  const members = text.split(',').map(withoutPadding)
  return members.length <= MAX_MEMBERS && members.every((member) => member === '' || MEMBER.test(member))
}

/** A member without the spaces and tabs around it. */
function withoutPadding(member: string): string {
  let [start, end] = [0, member.length]
  while (start < end && isPadding(member.charCodeAt(start))) start += 1
  while (end > start && isPadding(member.charCodeAt(end - 1))) end -= 1
  return member.slice(start, end)
}

function isPadding(code: number): boolean {
  return code === 0x20 || code === 0x09
}
