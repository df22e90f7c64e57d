import { failureOf, Payload, STREAM_DONE, STREAM_OPENED } from '@tailrace/hub'
import type { Dialect } from '@tailrace/hub'
import { encodeEvent, HEARTBEAT } from '@tailrace/wire'
import { textOf } from './cursor-text.ts'

/** An event that says why a stream breaks off, in the format of its readers. */
export interface FailureEvent {
  /** @defaultValue none */
  readonly type?: string | undefined
  readonly data: string
}

export interface PlainDialectOptions {
  /**
   * Writes the failure of a stream (`tailrace.failed`), and every other reason for which it breaks off.
   *
   * @defaultValue an event `error` with `{"code", "message"}`
   */
  failure?(code: string, message: string): FailureEvent
}

const NOTHING = Buffer.alloc(0)
const heartbeat = new Payload(Buffer.from(HEARTBEAT), true)
let created = 0

/**
 * Server-Sent Events with nothing but `id`, `event` and `data`, for readers that fail on what they do not know. Create it
 * once: streams share their frames only if they have the same dialect.
 */
export function plainDialect({ failure = errorEvent }: PlainDialectOptions = {}): Dialect {
  created += 1
  const broken = (code: string, message: string, id?: string): Uint8Array =>
    Buffer.from(encodeEvent({ ...failure(code, message), id }))
  return {
    key: `plain ${created}`,
    frame(event, at) {
      // Not even an id: the Python package of OpenAI takes the blank line after it for an event without data, and fails.
      if (event.type === STREAM_OPENED || event.type === STREAM_DONE) return NOTHING
      const id = at && textOf(at)
      const failed = failureOf(event)
      if (failed !== undefined) return broken(failed.code, failed.message, id)
      return Buffer.from(encodeEvent({ type: event.type, data: event.data, id }))
    },
    live: () => NOTHING,
    gap: () => broken('cursor-gone', 'Events after the last one that was received are gone.'),
    end: () => NOTHING,
    error: (code) => broken(code, 'The stream was interrupted: resume it later.'),
    retry: () => NOTHING,
    heartbeat,
    isEndFinal: true,
  }
}

function errorEvent(code: string, message: string): FailureEvent {
  return { type: 'error', data: JSON.stringify({ code, message }) }
}
