import { setTimeout as delay } from 'node:timers/promises'
import { createDecoder } from '@tailrace/wire'
import type { DecodedEvent } from '@tailrace/wire'
import { ApiError, request } from './api.ts'

/** Wait before the first reconnect if the hub has not sent `retry:`. */
const DEFAULT_RETRY_MS = 1_000
/** Maximum wait between two attempts. */
const MAX_RETRY_MS = 30_000

export interface StreamOptions {
  readonly token?: string | undefined
  /** Called before each wait. */
  onReconnect(reason: string, delayMs: number): void
}

/**
 * The events of a stream, over as many connections as necessary. Each connection resumes after the last event
 * of the previous one. Ends when the hub reports that no more events will follow.
 *
 * @throws ApiError if the hub refuses the stream permanently
 */
export async function* readStream(
  url: URL,
  { token, onReconnect }: StreamOptions,
): AsyncGenerator<DecodedEvent> {
  let lastEventId = ''
  let retryMs = DEFAULT_RETRY_MS
  let failures = 0
  for (;;) {
    let reason = 'the hub closed the stream'
    try {
      const headers = new Headers({ Accept: 'text/event-stream' })
      if (lastEventId !== '') headers.set('Last-Event-ID', lastEventId)
      const response = await request(url.href, { headers }, { token })
      if (response.status === 204) return
      let events: DecodedEvent[] = []
      const decoder = createDecoder(
        {
          onEvent: (event) => events.push(event),
          onRetry: (ms) => (retryMs = ms),
        },
        { lastEventId },
      )
      for await (const chunk of response.body ?? []) {
        failures = 0
        decoder.push(chunk)
        for (const event of events) {
          yield event
          if (event.type === 'tailrace.end') return
        }
        events = []
        lastEventId = decoder.lastEventId
      }
    } catch (error) {
      if (error instanceof ApiError && !error.isPassing) throw error
      reason = error instanceof Error ? error.message : String(error)
    }
    // Full jitter over a doubling bound, so that readers that were disconnected together do not reconnect
    // together.
    const delayMs = Math.round(Math.random() * Math.min(MAX_RETRY_MS, retryMs * 2 ** Math.min(failures, 10)))
    failures += 1
    onReconnect(reason, delayMs)
    await delay(delayMs)
  }
}
