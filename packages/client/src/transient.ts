/** Refusals of now, not for ever: RFC 9110, 6585 and 8470. */
const PASSING: readonly unknown[] = [408, 425, 429]

/** Whether the same request may be answered otherwise later. */
export function isTransient(status: unknown): boolean {
  return PASSING.includes(status) || (status as number) >= 500
}

/** RFC 9110, section 10.2.3: seconds, or a date. In milliseconds from now. */
export function parseRetryAfter(value = ''): number | undefined {
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return ms >= 0 ? ms : undefined
}
