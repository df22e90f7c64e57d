import { ClientError } from './errors.ts'
import type { Problem } from './errors.ts'

// Without names that exist only in `lib.dom`: the types must also work with those of Node.
/** Headers as `fetch` accepts them. */
export type HeadersValue = NonNullable<RequestInit['headers']>

type HeadersFunction = (refused: boolean) => HeadersValue | Promise<HeadersValue>

/**
 * Headers, or a function that returns them for each attempt, called with true after the server has refused the last
 * ones. Everything that uses the same function shares its refreshes: one call with true serves all whose headers are
 * older.
 */
export type HeadersSource = HeadersValue | HeadersFunction

/** The parts of a request that are the same for all attempts. */
export interface RequestParts {
  readonly method?: string | undefined
  readonly body?: Exclude<RequestInit['body'], ReadableStream | null>
  readonly headers?: HeadersSource | undefined
  readonly credentials?: RequestInit['credentials']
  /** @defaultValue the runtime's */
  readonly fetch?: typeof fetch | undefined
}

/** The parts of a request that differ between attempts. */
export interface Attempt {
  /** Headers of this package. They override the caller's, except `accept`. */
  readonly own: Readonly<Record<string, string>>
  readonly signal: AbortSignal | undefined
  readonly tokens: TokenUse
}

/** What a sender remembers about the headers that it used. */
export interface TokenUse {
  /** The server refused the last ones. */
  readonly wereRefused: boolean
  /** The refresh that returned them, or that preceded them. */
  refresh?: Promise<HeadersValue> | undefined
}

/** The last refresh of each function. */
const refreshes = new WeakMap<HeadersFunction, Promise<HeadersValue>>()

/**
 * Sends a request. It settles when the signal is aborted, even if the headers or `fetch` do not.
 *
 * @throws ClientError `network`, `aborted` or `headers`
 */
export async function send(
  url: string,
  { method, body, headers: source, credentials, fetch }: RequestParts,
  { own, signal, tokens }: Attempt,
): Promise<Response> {
  const headers = await unlessAborted(signal, headersOf(source, tokens))
  for (const name in own) if (name !== 'accept' || !headers.has(name)) headers.set(name, own[name]!)
  const response = exchange(url, { method, body, credentials, headers, signal } as RequestInit, fetch)
  // A response that arrives too late occupies its connection until it is canceled.
  response.then(({ body: late }) => (signal?.aborted === true ? late?.cancel() : undefined)).catch(() => {})
  return unlessAborted(signal, response)
}

/** Every request of this package. @throws ClientError `network` or `aborted` */
export function exchange(url: string, init: RequestInit, by: typeof fetch = fetch): Promise<Response> {
  // The cache mode, not the header: that one would need a CORS preflight.
  return orNetworkError(url, by(url, { ...init, cache: 'no-store' }))
}

/** The headers of one attempt. @throws ClientError `headers` */
async function headersOf(source: HeadersSource | undefined, tokens: TokenUse): Promise<Headers> {
  try {
    return new Headers(typeof source === 'function' ? await callShared(source, tokens) : source)
  } catch (cause) {
    throw new ClientError('headers', 'The headers function threw', { cause })
  }
}

/** Calls a function for headers, or uses the refresh that another sender started after this sender's last call. */
export async function callShared(source: HeadersFunction, tokens: TokenUse): Promise<HeadersValue> {
  let refresh = refreshes.get(source)
  if (tokens.wereRefused && refresh === tokens.refresh) {
    refresh = (async () => source(true))()
    refreshes.set(source, refresh)
  }
  tokens.refresh = refresh
  return tokens.wereRefused ? refresh! : source(false)
}

/**
 * The headers of a request for a stream from a position. `fetch` sends each character as a byte; the specification
 * (9.2.3) requires the bytes of UTF-8.
 *
 * @throws ClientError `invalid-id` for control characters, which no header can contain (RFC 9110, section 5.5): a
 * request without the id would lose the missed events, and a request with it always fails
 */
export function streamHeaders(lastEventId: string): Record<string, string> {
  // oxlint-disable-next-line no-control-regex
  if (/[\0-\x08\n-\x1f\x7f]/.test(lastEventId))
    throw new ClientError('invalid-id', 'The last event ID cannot be sent back')
  const bytes = Array.from(new TextEncoder().encode(lastEventId), (byte) => String.fromCharCode(byte))
  return { accept: 'text/event-stream', ...(lastEventId && { 'last-event-id': bytes.join('') }) }
}

/** @throws ClientError `network`, or `aborted` */
export async function orNetworkError<T>(url: string, task: T): Promise<Awaited<T>> {
  try {
    return await task
  } catch (cause) {
    const code = (cause as Error | undefined)?.name === 'AbortError' ? 'aborted' : 'network'
    throw new ClientError(code, `The connection to ${url} failed`, { cause })
  }
}

/**
 * The result of a task, unless the signal is aborted first: not everything that accepts a signal respects it.
 *
 * @throws the signal's reason
 */
export function unlessAborted<T>(signal: AbortSignal | undefined, task: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal!.reason)
    signal?.addEventListener('abort', abort)
    if (signal?.aborted === true) abort()
    void task.then(resolve, reject).finally(() => signal?.removeEventListener('abort', abort))
  })
}

export function statusError({ status, headers, url }: Response, problem?: Problem): ClientError {
  const details = { status, retryAfter: headers.get('retry-after') ?? undefined, problem }
  return new ClientError('status', `${url} answered ${status}`, { details })
}
