import { matches } from './selector.ts'

/**
 * How long the topics that a selector matches keep their events. A bound that is absent does not apply.
 *
 * Age removes every event that is older. Count and bytes remove the oldest history, that is, events that are not the
 * newest of their key. The newest events form the topic's state, from which snapshots are made. Count does not
 * remove them, and bytes bounds them separately from history. Idempotency keys also have the same number of bytes
 * for themselves. So a topic is never larger than three times the bound, whatever its publishers send.
 */
export interface RetentionRule {
  readonly selector: string
  readonly maxAgeMs?: number | undefined
  readonly maxCount?: number | undefined
  /** Bytes of data. */
  readonly maxBytes?: number | undefined
}

/** Returns the first rule whose selector matches. */
export function ruleFor(rules: readonly RetentionRule[], topic: string): RetentionRule | undefined {
  return rules.find((rule) => matches(rule.selector, topic))
}

/** The size of a topic: the number of its events beyond the newest of each key, and the bytes of both kinds. */
export interface Holdings {
  count: number
  bytes: number
  /** Those of the newest event of each key, including the keys. */
  stateBytes: number
}

/** An event, as seen by retention. */
export interface Candidate {
  readonly offset: number
  readonly time: number
  readonly bytes: number
  /** It is the newest event of its key. */
  readonly isNewest: boolean
}

/**
 * Determines which events of a topic a rule removes, oldest first. `settled` is false if every candidate was removed
 * or examined, so that there may be more after them. Subtracts what it removes from `holdings`.
 */
export function expire(
  rule: RetentionRule,
  now: number,
  holdings: Holdings,
  oldestFirst: Iterable<Candidate>,
): { offsets: number[]; settled: boolean } {
  const cutoff = now - (rule.maxAgeMs ?? Number.POSITIVE_INFINITY)
  const { maxCount = Number.POSITIVE_INFINITY, maxBytes = Number.POSITIVE_INFINITY } = rule
  const offsets: number[] = []
  for (const event of oldestFirst) {
    const aged = event.time < cutoff
    const isHistorySurplus = holdings.count > maxCount || holdings.bytes > maxBytes
    const isStateSurplus = holdings.stateBytes > maxBytes
    // It was stored by a clock that was ahead, so it says nothing about the age of the events that follow.
    const isFromTheFuture = event.time > now && rule.maxAgeMs !== undefined
    if (!aged && !isHistorySurplus && !isStateSurplus && !isFromTheFuture) return { offsets, settled: true }
    if (!aged && !(event.isNewest ? isStateSurplus : isHistorySurplus)) continue
    offsets.push(event.offset)
    if (event.isNewest) {
      holdings.stateBytes -= event.bytes
    } else {
      holdings.count -= 1
      holdings.bytes -= event.bytes
    }
  }
  return { offsets, settled: false }
}
