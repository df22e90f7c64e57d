import { LogError } from './errors.ts'
import { flawOf } from './topic.ts'

/**
 * Checks a selector: a topic, or a pattern in which a segment `*` stands for exactly one segment and a
 * final `**` for any number of segments, none included (`orders/**` selects `orders` as well).
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

/** Whether a selector can match more than the one topic that it spells. */
export function isPattern(selector: string): boolean {
  return selector.includes('*')
}

/** Whether a valid selector selects a valid topic. */
export function matches(selector: string, topic: string): boolean {
  if (!isPattern(selector)) return selector === topic
  return covers(split(selector), split(topic))
}

/**
 * Tells whether one of some valid selectors covers another one, which is to say that it selects everything that the other
 * can ever select: `orders/**` covers `orders/*`. Each is taken apart once, however many are asked about.
 */
export function coveredBy(selectors: readonly string[]): (other: string) => boolean {
  const all = selectors.map(split)
  return (other) => {
    const narrow = split(other)
    return all.some((wide) => covers(wide, narrow))
  }
}

interface Split {
  readonly segments: readonly string[]
  /** It ends in `**`, which is none of the segments. */
  readonly isOpen: boolean
}

function covers(
  { segments: wide, isOpen: isWideOpen }: Split,
  { segments: narrow, isOpen: isNarrowOpen }: Split,
): boolean {
  if (isNarrowOpen && !isWideOpen) return false
  if (isWideOpen ? narrow.length < wide.length : narrow.length !== wide.length) return false
  return wide.every((segment, i) => segment === '*' || segment === narrow[i])
}

function split(selector: string): Split {
  const segments = selector.split('/')
  const isOpen = segments.at(-1) === '**'
  if (isOpen) segments.pop()
  return { segments, isOpen }
}

/** The segments before a pattern's first wildcard, joined: every topic that it selects starts with them. */
export function literalPrefix(selector: string): string {
  const segments = selector.split('/')
  return segments.slice(0, segments.findIndex(isPattern)).join('/')
}

function flawOfPattern(selector: string): string | undefined {
  const segments = selector.split('/')
  for (const [i, segment] of segments.entries()) {
    if (!isPattern(segment) || segment === '*') continue
    if (segment !== '**') return `has * inside the segment ${segment}: a wildcard is a whole segment`
    if (i !== segments.length - 1) return 'has ** before its end: only the last segment may be **'
  }
  return undefined
}
