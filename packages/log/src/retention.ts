import { matches } from './selector.ts'

/**
 * How long the topics that a selector matches keep their events. A bound that is absent does not apply.
 *
 * Age removes every event that is older. Count and bytes remove the oldest history, but spare the newest
 * event of each key, so that a snapshot stays whole; they count only what they may remove.
 */
export interface RetentionRule {
  readonly selector: string
  readonly maxAgeMs?: number | undefined
  readonly maxCount?: number | undefined
  /** Bytes of data. */
  readonly maxBytes?: number | undefined
}

/** The first rule whose selector matches. */
export function ruleFor(rules: readonly RetentionRule[], topic: string): RetentionRule | undefined {
  return rules.find((rule) => matches(rule.selector, topic))
}

/** What a topic may give up: events beyond the newest of each key, and their bytes of data. */
export interface History {
  count: number
  bytes: number
}

/** An event as retention sees it. */
export interface Candidate {
  readonly offset: number
  readonly time: number
  readonly bytes: number
  /** It is the newest event of its key. */
  readonly isNewest: boolean
}

/**
 * Which of a topic's events a rule removes, oldest first. `settled` is false when every candidate was
 * removed or looked past, so that there may be more behind them. Counts `history` down by what it removes.
 */
export function expire(
  rule: RetentionRule,
  now: number,
  history: History,
  oldestFirst: Iterable<Candidate>,
): { offsets: number[]; settled: boolean } {
  const cutoff = now - (rule.maxAgeMs ?? Number.POSITIVE_INFINITY)
  const { maxCount = Number.POSITIVE_INFINITY, maxBytes = Number.POSITIVE_INFINITY } = rule
  const offsets: number[] = []
  for (const event of oldestFirst) {
    const aged = event.time < cutoff
    const surplus = history.count > maxCount || history.bytes > maxBytes
    // Stored by a clock that was ahead, it says nothing of the age of what follows.
    if (!aged && !surplus && event.time > now && rule.maxAgeMs !== undefined) continue
    if (!aged && !surplus) return { offsets, settled: true }
    if (!aged && event.isNewest) continue
    offsets.push(event.offset)
    if (!event.isNewest) {
      history.count -= 1
      history.bytes -= event.bytes
    }
  }
  return { offsets, settled: false }
}
