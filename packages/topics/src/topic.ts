/** Maximum length of a topic, in bytes of UTF-8 (protocol, section 1.1). */
const MAX_TOPIC_BYTES = 256

// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/

/** What is wrong with a text as one segment of a topic, as the rest of a sentence. Undefined if it is valid. */
export function flawOfSegment(segment: string): string | undefined {
  if (segment === '') return 'is empty'
  if (segment === '.' || segment === '..') return `is ${segment}, which a URL cannot express`
  if (segment.includes('/')) return 'contains a /, which separates segments'
  if (segment.includes('*')) return 'contains a *, which is allowed only in selectors'
  if (CONTROL.test(segment)) return 'contains a control character'
  return segment.isWellFormed() ? undefined : 'is not valid Unicode'
}

/** The same for a topic whose segments are valid. */
export function flawOfLength(topic: string): string | undefined {
  const isTooLong = new TextEncoder().encode(topic).length > MAX_TOPIC_BYTES
  return isTooLong ? `is longer than ${MAX_TOPIC_BYTES} bytes` : undefined
}
