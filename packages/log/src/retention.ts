import { matches } from './selector.ts'

/**
 * How long the topics that a selector matches keep their events. A bound that is absent does not apply.
 *
 * Age removes every event that is older. Count and bytes remove the oldest history: events that are not the
 * newest of their key. Those, the topic's state, are what a snapshot shows; count spares them, and bytes
 * bounds them apart from history. So do idempotency keys have the same bytes for themselves, and a topic is
 * never larger than three times the bound, whatever its publishers send.
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

/** What a topic holds: events beyond the newest of each key, and the bytes of both kinds. */
export interface Holdings {
  count: number
  bytes: number
  /** Of the newest event of each key, with the keys. */
  stateBytes: number
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
 * removed or looked past, so that there may be more behind them. Counts `holdings` down by what it removes.
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
    // Stored by a clock that was ahead, it says nothing of the age of what follows.
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
