import { LogError } from './errors.ts'
import { flawOf } from './topic.ts'

/** Maximum segments of a pattern, and segments `*` among them. */
const MAX_PATTERN_SEGMENTS = 16
const MAX_WILDCARDS = 4
/**
 * Checks a selector: a topic, or a pattern in which a segment `*` stands for exactly one segment and a final `**`
 * for any number of segments, including none (`orders/**` also selects `orders`).
 *
 * @returns the selector, unchanged
 * @throws LogError `invalid-selector`, with a sentence that names the rule
 */
export function parseSelector(selector: string): string {
  const flaw = flawOf(selector) ?? flawOfPattern(selector)
  if (flaw !== undefined) {
    throw new LogError('invalid-selector', `The selector ${flaw}.`, { details: { flaw } })
  }
  return selector
}

/** Whether a selector can match more than one topic. */
export function isPattern(selector: string): boolean {
  return selector.includes('*')
}

/** Whether a valid selector selects a valid topic. */
export function matches(selector: string, topic: string): boolean {
  if (!isPattern(selector)) return selector === topic
  return covers(selector, topic)
}

/**
 * Whether everything that one valid selector can ever select is also selected by another: `orders/**` covers
 * `orders/*`.
 */
function covers(selector: string, other: string): boolean {
  const { segments: wide, isOpen: isWideOpen } = split(selector)
  const { segments: narrow, isOpen: isNarrowOpen } = split(other)
  if (isNarrowOpen && !isWideOpen) return false
  if (isWideOpen ? narrow.length < wide.length : narrow.length !== wide.length) return false
  return wide.every((segment, i) => segment === '*' || segment === narrow[i])
}

function split(selector: string): { segments: string[]; isOpen: boolean } {
  const segments = selector.split('/')
  const isOpen = segments.at(-1) === '**'
  if (isOpen) segments.pop()
  return { segments, isOpen }
}

/** The segments before the first wildcard of a pattern, joined. Every topic that it selects starts with them. */
export function literalPrefix(selector: string): string {
  const segments = selector.split('/')
  return segments.slice(0, segments.findIndex(isPattern)).join('/')
}

function flawOfPattern(selector: string): string | undefined {
  if (!isPattern(selector)) return undefined
  const segments = selector.split('/')
  // A topic of n segments meets as many branches of patterns as there are ways to choose their wildcards among n.
  if (segments.length > MAX_PATTERN_SEGMENTS)
    return `has ${segments.length} segments: a pattern may have ${MAX_PATTERN_SEGMENTS}`
  const wildcards = segments.filter((segment) => segment === '*').length
  if (wildcards > MAX_WILDCARDS) return `has ${wildcards} segments *: a pattern may have ${MAX_WILDCARDS}`
  for (const [i, segment] of segments.entries()) {
    if (!isPattern(segment) || segment === '*') continue
    if (segment !== '**') return `has * inside the segment ${segment}: a wildcard must be a whole segment`
    if (i !== segments.length - 1) return 'has ** before its end: only the last segment may be **'
  }
  return undefined
}
