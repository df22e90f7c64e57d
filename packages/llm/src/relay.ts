import type { Hub, StreamWriter } from '@tailrace/hub'
import { formatOf } from './formats/index.ts'
import type { FormatName } from './formats/index.ts'
import { transfer } from './transfer.ts'
import type { Relayed } from './transfer.ts'
import { resolveBounds } from './upstream/attempt.ts'
import type { AttemptBounds } from './upstream/attempt.ts'
import { discard } from './upstream/response.ts'
import type { Upstream } from './upstream/response.ts'

export interface RelayOptions extends AttemptBounds {
  /** The topic of the answer: a new one for each. */
  readonly topic: string
  /** What the API speaks. */
  readonly format: FormatName
  /** Cancels the stream. */
  readonly signal?: AbortSignal | undefined
  /** How long the answer is kept after its end, in milliseconds. @defaultValue that of `hub.stream` */
  readonly ttlMs?: number | undefined
}

/** An answer on its way. It goes on when its readers leave. */
export interface Relay {
  readonly topic: string
  /** Resolves when the topic is reserved for this answer, and rejects if it is not free. */
  readonly opened: Promise<string>
  /**
   * Resolves when the whole answer is durable. Rejects with a `RelayError` if it is not complete, or with the reason for
   * which the stream was cancelled or could not be written. It may be ignored: readers of the topic learn of failures.
   */
  readonly done: Promise<Relayed>
}

/**
 * Copies the answer of an API to a topic, as it arrives: the name and the data of each event, as they are. Comments and ids
 * are dropped. The terminal event of the answer is the end of the topic. An answer that breaks off ends in a failure.
 *
 * @throws RangeError if an option is out of its bounds; HubError `invalid-topic`
 */
export function relay(
  hub: Hub,
  upstream: Upstream,
  { topic, format, signal, ttlMs, ...asked }: RelayOptions,
): Relay {
  const known = formatOf(format)
  const bounds = resolveBounds(asked)
  if (upstream instanceof Promise) void handled(upstream)
  let writer: StreamWriter
  try {
    writer = hub.stream(topic, { signal, ttlMs })
  } catch (error) {
    void discard(upstream)
    throw error
  }
  return { topic, opened: writer.opened, done: handled(run()) }

  async function run(): Promise<Relayed> {
    try {
      await writer.opened
    } catch (error) {
      await discard(upstream)
      throw error
    }
    return transfer(writer, upstream, known, hub.limits.maxEventBytes, bounds)
  }
}

/** Its rejection is no fault of the program, even if it comes before anybody waits for it. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}
