import { Backoff } from './backoff.ts'
import { ClientError } from './errors.ts'
import { headersOf } from './request.ts'
import type { HeadersSource, HeadersUse } from './request.ts'
import { isTransient, parseRetryAfter } from './transient.ts'
import { unlessAborted } from './unless-aborted.ts'

/** An event to publish. */
export interface NewEvent {
  /** A string is published as it is, any other value as its JSON text. Required unless `end` or `remove` is true. */
  readonly data?: unknown
  readonly type?: string | undefined
  /** The newest event of each key is what a snapshot holds. */
  readonly key?: string | undefined
  /** Removes the key from snapshots. Requires `key`. @defaultValue false */
  readonly remove?: boolean | undefined
  /** In a batch whose URL names no topic. */
  readonly topic?: string | undefined
  /** A repeat of it publishes nothing. @defaultValue a fresh one for each call, so that a retry publishes once */
  readonly idempotencyKey?: string | undefined
  /** The topic ends with it. @defaultValue false */
  readonly end?: boolean | undefined
  /** Its trace context (https://www.w3.org/TR/trace-context/). @defaultValue that of the request's headers */
  readonly traceparent?: string | undefined
  readonly tracestate?: string | undefined
}

/** What became of it. */
export interface Published {
  readonly id: string
  readonly topic: string
  /** It had been published before, under the same idempotency key. */
  readonly duplicate?: boolean
}

export interface PublishOptions {
  /** A function is called for each attempt; once with true, after a `401`. */
  readonly headers?: HeadersSource | undefined
  readonly credentials?: RequestInit['credentials']
  readonly signal?: AbortSignal | undefined
  /** Attempts in all. @defaultValue 5 */
  readonly attempts?: number | undefined
  /** @defaultValue the runtime's */
  readonly fetch?: typeof fetch | undefined
}

const DEFAULT_ATTEMPTS = 5
const FIRST_DELAY_MS = 200
const MAX_DELAY_MS = 10_000

/**
 * Publishes an event, or a batch: all of it or nothing. Resolves when it is durable. An attempt whose answer
 * is lost is repeated with the same idempotency keys, so it is published once.
 *
 * @param url of a topic, or of `/topics` for a batch whose events name theirs
 * @throws ClientError `invalid-option`, `publish-refused` when the hub refuses it, `network` when no attempt got an answer, `headers`
 * when the last attempt's could not be had
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
  {
    headers,
    credentials,
    signal,
    attempts = DEFAULT_ATTEMPTS,
    fetch = globalThis.fetch,
    ...unknown
  }: PublishOptions = {},
): Promise<Published | readonly Published[]> {
  for (const option in unknown)
    throw new ClientError('invalid-option', `${option} is not an option`, { option })
  const isBatch = Array.isArray(events)
  const batch: readonly NewEvent[] = isBatch ? events : [events]
  // `randomUUID` is missing on pages that came by `http:`.
  const call = crypto.getRandomValues(new Uint32Array(4)).join('-')
  const lines = batch.map((event, i) =>
    JSON.stringify({ ...event, idempotencyKey: event.idempotencyKey ?? `${call}/${i}` }),
  )
  const backoff = new Backoff(FIRST_DELAY_MS, MAX_DELAY_MS)
  const use: HeadersUse = { wereHeadersRefused: false }
  async function attempt(): Promise<Published | readonly Published[]> {
    const all = await headersOf(headers, use)
    all.set('content-type', 'application/x-ndjson')
    const init: RequestInit = { method: 'POST', headers: all, body: lines.join('\n') }
    if (credentials !== undefined) init.credentials = credentials
    if (signal !== undefined) init.signal = signal
    return answerOf(await fetch(url, init), isBatch)
  }
  for (let left = attempts; ; left -= 1) {
    try {
      return await unlessAborted(signal, attempt())
    } catch (error) {
      signal?.throwIfAborted()
      const failure = error instanceof ClientError ? error : unreachable(url, error)
      const { status, isFinal, retryAfter } = failure.details
      use.wereHeadersRefused = status === 401 && !use.wereHeadersRefused && typeof headers === 'function'
      if (left <= 1 || (isFinal === true && !use.wereHeadersRefused)) throw failure
      if (!use.wereHeadersRefused)
        await pause(backoff.next(parseRetryAfter(retryAfter as string | undefined)), signal)
    }
  }
}

/** @throws ClientError `publish-refused`; `isFinal` where another attempt would be refused as well */
async function answerOf(response: Response, isBatch: boolean): Promise<Published | readonly Published[]> {
  const { ok, status, url, headers } = response
  // Cut off, it is no answer.
  const answer = parsed(await response.text())
  const events = answer?.events
  if (ok && events !== undefined && events.length > 0) return isBatch ? events : events[0]!
  const isFinal = !isTransient(status)
  const message = `${url} refused the publish with status ${status}${answer?.detail === undefined ? '' : `: ${answer.detail}`}`
  throw new ClientError('publish-refused', message, {
    status,
    code: answer?.code,
    isFinal,
    retryAfter: headers.get('retry-after') ?? undefined,
    problem: answer,
  })
}

interface Answer {
  readonly events?: readonly Published[]
  readonly code?: string
  readonly detail?: string
}

/** The JSON of an answer; nothing where it is none, such as a proxy's page. */
function parsed(text: string): Answer | undefined {
  try {
    return JSON.parse(text) as Answer
  } catch {
    return undefined
  }
}

function unreachable(url: string | URL, cause: unknown): ClientError {
  return new ClientError(
    'network',
    `${String(url)} cannot be reached. The event may have been published.`,
    { url: String(url) },
    cause,
  )
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }, ms)
    function abort(): void {
      clearTimeout(timer)
      reject(signal!.reason as Error)
    }
    signal?.addEventListener('abort', abort, { once: true })
  })
}
