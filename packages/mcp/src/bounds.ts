import { EventStoreError } from './errors.ts'

/** How much is kept for clients that may return. */
export interface EventStoreBounds {
  /**
   * How long an event is kept at least, in milliseconds, unless another bound removes it earlier. It is removed when it is
   * twice as old and other sessions begin. @defaultValue one day
   */
  readonly ttlMs?: number | undefined
  /** Maximum number of events of a session, at least 2; at least half as many are kept. @defaultValue 10,000 */
  readonly maxEvents?: number | undefined
  /**
   * Maximum bytes of the events of a session, plus one message; at least half as many are kept.
   *
   * @defaultValue 16 MiB
   */
  readonly maxBytes?: number | undefined
  /**
   * Maximum bytes of all sessions together, plus an eighth for each hub that stores for them, and what their open segments
   * hold. The sessions that were idle the longest are removed first.
   *
   * @defaultValue 1 GiB
   */
  readonly maxTotalBytes?: number | undefined
}

export type ResolvedBounds = Readonly<Record<keyof EventStoreBounds, number>>

const MEBIBYTE = 1024 * 1024

/** Fills in defaults. @throws EventStoreError `invalid-option` */
export function resolveBounds(given: EventStoreBounds): ResolvedBounds {
  const number = (name: keyof EventStoreBounds, fallback: number, least: number): number => {
    const value: unknown = given[name] ?? fallback
    if (typeof value === 'number' && value >= least && value <= Number.MAX_SAFE_INTEGER) return value
    const message = `${name} must be a number of at least ${least}, not ${String(value)}.`
    throw new EventStoreError('invalid-option', message)
  }
  return {
    ttlMs: number('ttlMs', 24 * 60 * 60 * 1000, 1),
    maxEvents: number('maxEvents', 10_000, 2),
    maxBytes: number('maxBytes', 16 * MEBIBYTE, 2),
    maxTotalBytes: number('maxTotalBytes', 1024 * MEBIBYTE, 1),
  }
}
