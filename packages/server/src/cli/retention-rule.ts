import { LogError, parseSelector } from '@tailrace/log'
import type { RetentionRule } from '@tailrace/log'
import { parseBytes, parseDuration } from './setting.ts'
import { UsageError } from './usage-error.ts'

/** A rule, and its original text. */
export interface WrittenRule {
  readonly text: string
  readonly rule: RetentionRule
}

/** Parses a rule such as `orders/**=7d,1GiB,100000events`: a selector, and an age, a size and a count to keep. */
export function parseRule(text: string): WrittenRule {
  const mark = text.lastIndexOf('=')
  if (mark < 1)
    throw new UsageError(
      `must have the form SELECTOR=BOUNDS, such as orders/**=7d,1GiB, not ${JSON.stringify(text)}`,
    )
  const rule: { selector: string; maxAgeMs?: number; maxBytes?: number; maxCount?: number } = {
    selector: parseOwnSelector(text.slice(0, mark)),
  }
  for (const bound of text.slice(mark + 1).split(',')) {
    if (bound === 'forever') continue
    if (bound.endsWith('events')) rule.maxCount = parseEvents(bound)
    else if (bound.endsWith('B')) rule.maxBytes = parseBytes(bound)
    else rule.maxAgeMs = parseAge(bound)
  }
  return { text, rule }
}

function parseEvents(text: string): number {
  const [, number] = /^([0-9]{1,15})events$/.exec(text) ?? []
  if (number !== undefined) return Number(number)
  throw new UsageError(`contains a count that is not of the form 100000events: ${JSON.stringify(text)}`)
}

/** A bare number is refused: an age without its unit would otherwise keep that many events and delete the rest. */
function parseAge(text: string): number {
  if (!/^[0-9]{1,15}$/.test(text)) return parseDuration(text)
  throw new UsageError(
    `contains the bound ${text} without a unit: write ${text}d for an age in days, or ${text}events for a number of events`,
  )
}

/** Parses a selector in a setting. */
export function parseOwnSelector(text: string): string {
  try {
    return parseSelector(text)
  } catch (error) {
    if (!LogError.is(error)) throw error
    throw new UsageError(`contains a selector that ${String(error.details['flaw'])}: ${JSON.stringify(text)}`)
  }
}
