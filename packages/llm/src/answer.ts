import type { ServeStreamOptions } from '@tailrace/http'
import type { Hub } from '@tailrace/hub'
import { formatDialect } from './dialect.ts'
import { formatOf } from './formats/index.ts'
import type { FormatName } from './formats/index.ts'
import { transfer } from './transfer.ts'
import { resolveBounds } from './upstream/attempt.ts'
import type { AttemptBounds } from './upstream/attempt.ts'

export interface AnswerOptions extends AttemptBounds {
  /** The topic of the answer: a new one for each. */
  readonly topic: string
  /** What the API speaks, and what readers of the answer receive. */
  readonly format: FormatName
  /** Requests the answer. The signal is aborted when the stream is cancelled. */
  readonly ask: (signal: AbortSignal) => Response | Promise<Response>
  /** How long the answer is kept after its end, in milliseconds. @defaultValue that of `hub.stream` */
  readonly ttlMs?: number | undefined
  /**
   * Called when an answer is not complete, with a `RelayError`, or the reason for which the stream was cancelled or could
   * not be written. Must not throw.
   *
   * @defaultValue nothing is called
   */
  readonly onError?: ((error: unknown) => void) | undefined
}

/**
 * An answer of an API, for `serveStream` and `respondStream`: a `POST` asks and responds with the answer, a `GET` resumes
 * it, and a `DELETE` cancels it. The official client library of the API can read it.
 *
 * @throws RangeError if an option is out of its bounds
 */
export function answer(
  hub: Hub,
  { topic, format, ask, ttlMs, onError, ...asked }: AnswerOptions,
): ServeStreamOptions {
  const known = formatOf(format)
  const bounds = resolveBounds(asked)
  return {
    topic,
    ttlMs,
    dialect: formatDialect(format),
    headers: known.headers,
    absent: known.absent,
    async produce(writer) {
      try {
        await transfer(writer, ask, known, hub.limits.maxEventBytes, bounds)
      } catch (error) {
        // The stream has failed, so its readers know.
        onError?.(error)
      }
    },
  }
}
