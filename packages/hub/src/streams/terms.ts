/** The times by which streams are kept in order, in milliseconds. Tests shorten them. */
export interface StreamTerms {
  /** A hub that has not renewed its lease for this long is gone. It renews the lease three times as often. */
  readonly leaseMs: number
  /** Between two rounds in which topics are purged whose time is over. */
  readonly expiryMs: number
  /** Between two searches of the log for streams that no running hub has seen. */
  readonly sweepMs: number
}

export const STREAM_TERMS: StreamTerms = { leaseMs: 10_000, expiryMs: 60_000, sweepMs: 3_600_000 }

/** How many times a lease is renewed, or checked, within its time. */
export const RENEWALS = 3
