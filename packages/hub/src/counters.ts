import type { GapReason } from './gap.ts'
import { Histogram } from './histogram.ts'

/**
 * Why a stream ended.
 *
 * - `client`: its reader left.
 * - `vanished`: its reader's machine or network stopped answering.
 * - `stalled`: it accepted nothing for the stall time.
 * - `token-expired`: its rights ended.
 * - `revoked`: its rights were withdrawn.
 * - `max-age`: it was open for as long as a stream may be.
 * - `ended`: every selected topic has ended.
 * - `gap`: there was a gap, and its reader asked to receive nothing after one.
 * - `overrun`: the rest of a frame that it had begun was trimmed before it accepted it.
 * - `log-unavailable`: the log could not be read, or failed.
 * - `busy`: more reads of the log were waiting than are allowed, or more state of applications was waiting for slow
 *   readers.
 * - `snapshot-failed`: the application could not compute its state.
 * - `draining`, `closed`: the hub was stopping.
 */
export type CloseReason =
  | 'client'
  | 'vanished'
  | 'stalled'
  | 'token-expired'
  | 'revoked'
  | 'max-age'
  | 'ended'
  | 'gap'
  | 'overrun'
  | 'log-unavailable'
  | 'busy'
  | 'snapshot-failed'
  | 'draining'
  | 'closed'

const COMMIT_SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
/** The log's clock has a resolution of one millisecond. */
const LAG_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const COMMIT_EVENTS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000]

/**
 * What a hub has done since it started. The numbers only grow; for a rate, read them twice. They are fields, not
 * methods, because each delivery adds to them.
 */
export class Counters {
  /** Events that were written to readers, counted once for each reader. */
  deliveries = 0
  /** Bytes written to readers, before compression and without HTTP framing. */
  bytesSent = 0
  /** Writes that were served from a lane's window. */
  windowHits = 0
  /** Batches that were stored, including those of a single event. */
  publishes = 0
  /** Events in these batches that were not stored again, because their idempotency key was known. */
  duplicates = 0
  /** Streams that were opened. */
  streams = 0
  /** Pages that were handed to readers that were behind, including snapshots. */
  replays = 0
  /** Pages that were read from the log, for replays and for history. Readers that are behind at the same place share them. */
  logReads = 0
  /** Reads of the log that are waiting for their turn now. */
  readsWaiting = 0
  /** Reads that were refused because too many were waiting. */
  readsRefused = 0
  readonly gaps: Record<GapReason, number> = { expired: 0, epoch: 0, unknown: 0, overflow: 0 }
  readonly closes: Record<CloseReason, number> = {
    client: 0,
    vanished: 0,
    stalled: 0,
    'token-expired': 0,
    revoked: 0,
    'max-age': 0,
    ended: 0,
    gap: 0,
    overrun: 0,
    'log-unavailable': 0,
    busy: 0,
    'snapshot-failed': 0,
    draining: 0,
    closed: 0,
  }
  /** How long publishes waited for the log, in seconds. */
  readonly commitSeconds: Histogram = new Histogram(COMMIT_SECONDS)
  /** Events in each commit that the log reported. */
  readonly commitEvents: Histogram = new Histogram(COMMIT_EVENTS)
  /**
   * The time from when the log stored an event until its lane had written it to every reader with room for it, in
   * seconds. Observed once for each pass of a lane, for its oldest event. Lanes that conflate are left out, because
   * they wait on purpose.
   */
  readonly lagSeconds: Histogram = new Histogram(LAG_SECONDS)
}
