import { LogError, parseSelector } from '@tailrace/log'
import type { RetentionRule } from '@tailrace/log'
import { parseBytes, parseDuration } from './setting.ts'
import { UsageError } from './usage-error.ts'

/** A rule, and how it was written. */
export interface WrittenRule {
  readonly text: string
  readonly rule: RetentionRule
}

/** Reads a rule such as `orders/**=7d,1GiB,100000`: a selector, and an age, a size and a count to keep. */
export function parseRule(text: string): WrittenRule {
  const mark = text.lastIndexOf('=')
  if (mark < 1)
    throw new UsageError(`is SELECTOR=BOUNDS, such as orders/**=7d,1GiB, not ${JSON.stringify(text)}`)
  const rule: { selector: string; maxAgeMs?: number; maxBytes?: number; maxCount?: number } = {
    selector: parseOwnSelector(text.slice(0, mark)),
  }
  for (const bound of text.slice(mark + 1).split(',')) {
    if (bound === 'forever') continue
    if (/^[0-9]+$/.test(bound)) rule.maxCount = Number(bound)
    else if (bound.endsWith('B')) rule.maxBytes = parseBytes(bound)
    else rule.maxAgeMs = parseDuration(bound)
  }
  return { text, rule }
}

/** A selector of a setting. */
export function parseOwnSelector(text: string): string {
  try {
    return parseSelector(text)
  } catch (error) {
    if (!LogError.is(error)) throw error
    throw new UsageError(`has a selector that ${String(error.details['flaw'])}: ${JSON.stringify(text)}`)
  }
}
