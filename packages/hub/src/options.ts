import type { LogError, RetentionRule } from '@tailrace/log'

/** Maximum size of an event: 1 MiB of data. */
export const DEFAULT_MAX_EVENT_BYTES: number = 1024 * 1024
/** Maximum size of a batch: 16 MiB of data. */
export const DEFAULT_MAX_BATCH_BYTES: number = 16 * 1024 * 1024
/** Maximum number of events in a batch. */
export const DEFAULT_MAX_BATCH_EVENTS = 10_000
/** Under the 30 s after which the most impatient common proxies give up, with room for one lost heartbeat. */
export const DEFAULT_HEARTBEAT_MS = 15_000
/** How long `retry:` asks a reader to wait before it reconnects, on average. */
export const DEFAULT_RETRY_MS = 2_000
/** Maximum size of the window of each lane. */
export const DEFAULT_WINDOW_BYTES: number = 1024 * 1024
/** Maximum size of the windows of all lanes together. */
export const DEFAULT_WINDOW_TOTAL_BYTES: number = 64 * 1024 * 1024
/** Maximum number of reads of the log that may wait; they use about 20 MiB. */
export const DEFAULT_MAX_QUEUED_READS = 32_768
/** How long a busy lane waits for more events before it writes again: one write for many events. */
export const DEFAULT_BATCH_MS = 4
/** How long a reader may accept nothing. */
export const DEFAULT_STALL_MS = 30_000
/** The pause between two rounds of retention. */
export const DEFAULT_TRIM_INTERVAL_MS = 10_000
/** The longest time of a timer, here and in browsers. A timer with a longer time fires at once, again and again. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1

/** The longest name of a node, in UTF-16 code units. */
const MAX_NODE_LENGTH = 100

/** The settings of a hub, each with a default. */
export interface HubOptions {
  /**
   * Name of this hub among those that share its log, for operators: 1 to 100 characters.
   *
   * @defaultValue `hub`
   */
  readonly node?: string | undefined
  /** Bytes of UTF-8. @defaultValue {@link DEFAULT_MAX_EVENT_BYTES} */
  readonly maxEventBytes?: number | undefined
  /** Bytes of UTF-8, over all events of a batch. @defaultValue {@link DEFAULT_MAX_BATCH_BYTES} */
  readonly maxBatchBytes?: number | undefined
  /** Maximum number of events in a batch. @defaultValue {@link DEFAULT_MAX_BATCH_EVENTS} */
  readonly maxBatchEvents?: number | undefined
  /**
   * The longest silence of a stream, in milliseconds. After that, a comment is sent to keep the stream open. 0 turns
   * this off.
   *
   * @defaultValue {@link DEFAULT_HEARTBEAT_MS}
   */
  readonly heartbeatMs?: number | undefined
  /**
   * How long a reader waits before it reconnects, in milliseconds. Each stream receives a random time between 0.5 and
   * 1.5 times this value, so that readers that lost their connections together do not return together.
   *
   * @defaultValue {@link DEFAULT_RETRY_MS}
   */
  readonly retryMs?: number | undefined
  /**
   * Maximum size of the newest frames that each lane keeps in memory, in bytes. A reader that is further behind replays
   * from the log.
   *
   * @defaultValue {@link DEFAULT_WINDOW_BYTES}
   */
  readonly windowBytes?: number | undefined
  /**
   * Maximum size of the frames that all lanes keep in memory together, in bytes; at least `windowBytes`. The lanes with
   * the oldest last event are evicted first.
   *
   * @defaultValue {@link DEFAULT_WINDOW_TOTAL_BYTES}, or `windowBytes` if that is more
   */
  readonly windowTotalBytes?: number | undefined
  /**
   * Maximum number of reads of the log that may wait for their turn, over all readers. One client may have a quarter of
   * them. Further reads are refused (`busy`).
   *
   * @defaultValue {@link DEFAULT_MAX_QUEUED_READS}
   */
  readonly maxQueuedReads?: number | undefined
  /**
   * How long a lane that has just written waits for more events before it writes again, in milliseconds. A lane that
   * has been quiet for that long writes at once, and so does a lane with one reader. With 0, lanes never wait.
   *
   * @defaultValue {@link DEFAULT_BATCH_MS}
   */
  readonly batchMs?: number | undefined
  /**
   * How long a reader may accept nothing of what was written to it, in milliseconds. After that, its connection is cut,
   * and it resumes when it can.
   *
   * @defaultValue {@link DEFAULT_STALL_MS}
   */
  readonly stallMs?: number | undefined
  /**
   * How long a stream stays open, in milliseconds. After that, it is closed, and its reader reconnects and resumes.
   * Each stream gets a random time between 0.5 and 1.5 times this value. 0 means unlimited.
   *
   * @defaultValue 0
   */
  readonly maxStreamAgeMs?: number | undefined
  /** Which events the log keeps. The first rule that matches a topic counts. @defaultValue none: everything is kept */
  readonly retention?: readonly RetentionRule[] | undefined
  /**
   * Called with failures that are not reported to any caller: a stream that ended because its log could not be read, or
   * a failed round of retention, the error of the producer of a one-off stream. Must not throw.
   *
   * @defaultValue `console.error`
   */
  readonly onError?: ((error: unknown) => void) | undefined
  /**
   * Called with the reason when the log becomes unreachable, and with undefined when it is reachable again. Must not
   * throw.
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
    name: Exclude<keyof HubOptions, 'node' | 'retention' | 'onError' | 'onInterruption'>,
    fallback: number,
    least: number,
    most = Number.MAX_SAFE_INTEGER,
  ): number => {
    const value = options[name] ?? fallback
    if (value >= least && value <= most) return value
    throw new RangeError(`\`${name}\` must be a number from ${least} to ${most}, got ${String(value)}`)
  }
  const { node = 'hub' } = options
  if (node === '' || node.length > MAX_NODE_LENGTH) {
    throw new RangeError(`\`node\` must have from 1 to ${MAX_NODE_LENGTH} characters, got ${node.length}`)
  }
  const windowBytes = number('windowBytes', DEFAULT_WINDOW_BYTES, 0)
  const windowTotalBytes = Math.max(windowBytes, DEFAULT_WINDOW_TOTAL_BYTES)
  return Object.freeze({
    node,
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
    onError: options.onError ?? ((error) => console.error(error)),
    onInterruption: options.onInterruption ?? (() => undefined),
  })
}
