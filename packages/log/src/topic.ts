import { LogError } from './errors.ts'

/** Maximum length of a topic or selector, in bytes of UTF-8. */
export const MAX_TOPIC_BYTES = 256

const encoder = new TextEncoder()

/** Sorts, by code point, after every possible name. */
export const AFTER_EVERY_TOPIC: string = '\u{10ffff}'.repeat(MAX_TOPIC_BYTES)

// C0, DEL and C1 do not belong in a name that ends up in URLs, diagnostics and terminals.
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/

/**
 * Checks a topic: segments separated by `/`, none of them empty, at most {@link MAX_TOPIC_BYTES} bytes, no control
 * character, no `*`. The segments `.` and `..` are refused too: every URL parser resolves them, so such a topic
 * could be written but never addressed.
 *
 * @returns the topic, unchanged
 * @throws LogError `invalid-topic`, with a sentence that names the rule
 */
export function parseTopic(name: string): string {
  const flaw =
    flawOf(name) ?? (name.includes('*') ? 'contains a *, which is allowed only in selectors' : undefined)
  if (flaw !== undefined) throw new LogError('invalid-topic', `The topic ${flaw}.`, { details: { flaw } })
  return name
}

/** What is wrong with a name as a topic or a selector, as the rest of a sentence. Undefined if it is valid. */
export function flawOf(name: string): string | undefined {
  // Callers without types.
  if (typeof (name as unknown) !== 'string') return 'is not text'
  if (name === '') return 'is empty'
  if (!name.isWellFormed()) return 'is not valid Unicode'
  // No UTF-16 code unit has more than three bytes, and most names are short: each event is checked.
  if (3 * name.length > MAX_TOPIC_BYTES && encoder.encode(name).length > MAX_TOPIC_BYTES)
    return `is longer than ${MAX_TOPIC_BYTES} bytes`
  if (CONTROL.test(name)) return 'contains a control character'
  for (const segment of name.split('/')) {
    if (segment === '') return 'has an empty segment: check for a leading, trailing or double slash'
    if (segment === '.' || segment === '..') return `has the segment ${segment}, which a URL cannot express`
  }
  return undefined
}
