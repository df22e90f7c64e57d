import { ClientError } from './errors.ts'
import { refusalOf } from './refusal.ts'
import { repeat } from './repeat.ts'
import type { RepeatOptions } from './repeat.ts'
import { orNetworkError, send } from './request.ts'

/** An event to publish. */
export interface NewEvent {
  /** A string is published as it is, any other value as its JSON text. Required unless `end` or `remove` is true. */
  readonly data?: unknown
  readonly type?: string | undefined
  /** A snapshot contains the newest event of each key. */
  readonly key?: string | undefined
  /** Removes the key from snapshots. Requires `key`. @defaultValue false */
  readonly remove?: boolean | undefined
  /** Only in a batch whose URL names no topic. */
  readonly topic?: string | undefined
  /** A repeat with the same key publishes nothing. @defaultValue new for each call, so that a retry publishes once */
  readonly idempotencyKey?: string | undefined
  /** Ends the topic with this event. @defaultValue false */
  readonly end?: boolean | undefined
  /** Its trace context (https://www.w3.org/TR/trace-context/). @defaultValue that of the request's headers */
  readonly traceparent?: string | undefined
  readonly tracestate?: string | undefined
}

/** The result for one event. */
export interface Published {
  readonly id: string
  readonly topic: string
  /** It was published before with the same idempotency key. */
  readonly duplicate?: boolean
}

/** How attempts are repeated, and with which headers. */
export type PublishOptions = RepeatOptions

/**
 * Publishes an event, or a batch: all of it or nothing. Resolves when it is durable. An attempt whose response
 * is lost is repeated with the same idempotency keys, so it is published once.
 *
 * @param url of a topic, or of `/topics` for a batch whose events name theirs
 * @throws ClientError `invalid-option`, `status` if the hub refuses it, `not-a-hub`, `network` if the last attempt got
 * no response (the event may have been published), `headers` if the `headers` function threw
 */
export async function publish(
  url: string | URL,
  event: NewEvent,
  options?: PublishOptions,
): Promise<Published>
export async function publish(
  url: string | URL,
  batch: readonly NewEvent[],
  options?: PublishOptions,
): Promise<readonly Published[]>
export async function publish(
  url: string | URL,
  events: NewEvent | readonly NewEvent[],
  options: PublishOptions = {},
): Promise<Published | readonly Published[]> {
  const { headers, credentials, fetch, signal, maxAttempts: _, onRetry: __, ...unknown } = options
  for (const option in unknown)
    throw new ClientError('invalid-option', `${option} is not an option`, { details: { option } })
  const batch: readonly NewEvent[] = Array.isArray(events) ? events : [events]
  // `randomUUID` is missing on pages that were loaded over `http:`.
  const call = crypto.getRandomValues(new Uint32Array(4)).join('-')
  const body = batch
    .map((event, i) => JSON.stringify({ ...event, idempotencyKey: event.idempotencyKey ?? `${call}/${i}` }))
    .join('\n')
  const parts = { method: 'POST', body, headers, credentials, fetch }
  const own = { 'content-type': 'application/x-ndjson' }
  const published = await repeat(async (tokens) => {
    const response = await send(String(url), parts, { own, signal, tokens })
    if (!response.ok) throw await refusalOf(response, signal)
    const found = publishedOf(await orNetworkError(String(url), response.text()))
    if (found?.length === batch.length) return found
    const details = { status: response.status }
    throw new ClientError('not-a-hub', `${response.url} did not respond like a Tailrace hub`, { details })
  }, options)
  return Array.isArray(events) ? published : published[0]!
}

/** Undefined if the text is something else, such as the page of a proxy. */
function publishedOf(text: string): readonly Published[] | undefined {
  try {
    return (Object(JSON.parse(text)) as { events?: readonly Published[] }).events
  } catch {
    return undefined
  }
}
