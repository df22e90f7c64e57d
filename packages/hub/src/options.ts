import type { LogError, RetentionRule } from '@tailrace/log'

/** The largest event: 1 MiB of data. */
export const DEFAULT_MAX_EVENT_BYTES: number = 1024 * 1024
/** The largest batch: 16 MiB of data. */
export const DEFAULT_MAX_BATCH_BYTES: number = 16 * 1024 * 1024
/** The most events of a batch. */
export const DEFAULT_MAX_BATCH_EVENTS = 10_000
/** Under the 30 s of the most impatient proxies in wide use, with room for one that is lost. */
export const DEFAULT_HEARTBEAT_MS = 15_000
/** What `retry:` tells a reader to wait before it reconnects, on average. */
export const DEFAULT_RETRY_MS = 2_000
/** What a lane keeps of its newest frames. */
export const DEFAULT_WINDOW_BYTES: number = 1024 * 1024
/** What all lanes keep together. */
export const DEFAULT_WINDOW_TOTAL_BYTES: number = 64 * 1024 * 1024
/** How many reads of the log may wait; about 20 MiB. */
export const DEFAULT_MAX_QUEUED_READS = 32_768
/** How long a busy lane waits for more before it writes again: one write for many events. */
export const DEFAULT_BATCH_MS = 4
/** How long a reader may take nothing. */
export const DEFAULT_STALL_MS = 30_000
/** The pause between two rounds of retention. */
export const DEFAULT_TRIM_INTERVAL_MS = 10_000
/** The longest time that a timer takes, here and in browsers; a longer one goes off at once, again and again. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1

export interface HubOptions {
  /** Bytes of UTF-8. @defaultValue {@link DEFAULT_MAX_EVENT_BYTES} */
  readonly maxEventBytes?: number | undefined
  /** Bytes of UTF-8, over all events of a batch. @defaultValue {@link DEFAULT_MAX_BATCH_BYTES} */
  readonly maxBatchBytes?: number | undefined
  /** The most events of a batch. @defaultValue {@link DEFAULT_MAX_BATCH_EVENTS} */
  readonly maxBatchEvents?: number | undefined
  /**
   * The longest that a stream stays silent, in milliseconds; then a comment is sent to hold it open. 0 turns
   * it off.
   *
   * @defaultValue {@link DEFAULT_HEARTBEAT_MS}
   */
  readonly heartbeatMs?: number | undefined
  /**
   * How long a reader waits before it reconnects, in milliseconds. Each stream is told a time of its own
   * between half of it and one and a half, so that readers that were cut together do not return together.
   *
   * @defaultValue {@link DEFAULT_RETRY_MS}
   */
  readonly retryMs?: number | undefined
  /**
   * How much of its newest frames each lane keeps in memory, in bytes. A reader further behind than that
   * replays from the log.
   *
   * @defaultValue {@link DEFAULT_WINDOW_BYTES}
   */
  readonly windowBytes?: number | undefined
  /**
   * How much all lanes keep in memory together, in bytes; at least `windowBytes`. Those whose last event is the
   * longest ago give way to the others.
   *
   * @defaultValue {@link DEFAULT_WINDOW_TOTAL_BYTES}, or `windowBytes` where that is more
   */
  readonly windowTotalBytes?: number | undefined
  /**
   * How many reads of the log may wait for their turn, over all readers; one client may have a quarter of them.
   * Further ones are refused (`busy`).
   *
   * @defaultValue {@link DEFAULT_MAX_QUEUED_READS}
   */
  readonly maxQueuedReads?: number | undefined
  /**
   * How long a lane that has just written waits for more events before it writes again, in milliseconds. A
   * lane that has been quiet for that long writes at once. 0 writes each time.
   *
   * @defaultValue {@link DEFAULT_BATCH_MS}
   */
  readonly batchMs?: number | undefined
  /**
   * How long a reader may take nothing of what it was handed, in milliseconds; then its connection is cut, and
   * it resumes when it can.
   *
   * @defaultValue {@link DEFAULT_STALL_MS}
   */
  readonly stallMs?: number | undefined
  /**
   * How long a stream stays open, in milliseconds; then its reader is sent away, and resumes. Each stream gets a time of
   * its own between half of it and one and a half. 0 sets no bound.
   *
   * @defaultValue 0
   */
  readonly maxStreamAgeMs?: number | undefined
  /** What the log keeps; the first rule that matches a topic counts. @defaultValue none: everything is kept */
  readonly retention?: readonly RetentionRule[] | undefined
  /**
   * Told of failures that no caller is told of: a stream that ended because its log could not be read, a
   * round of retention that failed. Must not throw.
   *
   * @defaultValue nobody is told
   */
  readonly onError?: ((error: unknown) => void) | undefined
  /**
   * Called when the log cannot be reached, with the reason, and without one when it can be reached again. Must not throw.
   *
   * @defaultValue nothing is called
   */
  readonly onInterruption?: ((reason: LogError | undefined) => void) | undefined
  /** Milliseconds between two rounds of retention. @defaultValue {@link DEFAULT_TRIM_INTERVAL_MS} */
  readonly trimIntervalMs?: number | undefined
}

/** The same options with every default filled in. Internal code only ever sees this type. */
export type ResolvedHubOptions = Readonly<{ [K in keyof HubOptions]-?: NonNullable<HubOptions[K]> }>

/** Fills in defaults and checks bounds. @throws RangeError that names the option, the rule and the value */
export function resolveHubOptions(options: HubOptions = {}): ResolvedHubOptions {
  const number = (
    name: Exclude<keyof HubOptions, 'retention' | 'onError' | 'onInterruption'>,
    fallback: number,
    least: number,
    most = Number.MAX_SAFE_INTEGER,
  ): number => {
    const value = options[name] ?? fallback
    if (value >= least && value <= most) return value
    throw new RangeError(`\`${name}\` must be a number from ${least} to ${most}, got ${String(value)}`)
  }
  const windowBytes = number('windowBytes', DEFAULT_WINDOW_BYTES, 0)
  const windowTotalBytes = Math.max(windowBytes, DEFAULT_WINDOW_TOTAL_BYTES)
  return Object.freeze({
    maxEventBytes: number('maxEventBytes', DEFAULT_MAX_EVENT_BYTES, 1),
    maxBatchBytes: number('maxBatchBytes', DEFAULT_MAX_BATCH_BYTES, 1),
    maxBatchEvents: number('maxBatchEvents', DEFAULT_MAX_BATCH_EVENTS, 1),
    heartbeatMs: number('heartbeatMs', DEFAULT_HEARTBEAT_MS, 0, MAX_TIMER_MS),
    retryMs: number('retryMs', DEFAULT_RETRY_MS, 0, Math.floor(MAX_TIMER_MS / 1.5)),
    windowBytes,
    windowTotalBytes: number('windowTotalBytes', windowTotalBytes, windowBytes),
    maxQueuedReads: number('maxQueuedReads', DEFAULT_MAX_QUEUED_READS, 4),
    batchMs: number('batchMs', DEFAULT_BATCH_MS, 0, 1_000),
    stallMs: number('stallMs', DEFAULT_STALL_MS, 1, MAX_TIMER_MS),
    maxStreamAgeMs: number('maxStreamAgeMs', 0, 0),
    trimIntervalMs: number('trimIntervalMs', DEFAULT_TRIM_INTERVAL_MS, 1, MAX_TIMER_MS),
    retention: options.retention ?? [],
    onError: options.onError ?? (() => undefined),
    onInterruption: options.onInterruption ?? (() => undefined),
  })
}
