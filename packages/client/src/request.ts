import { ClientError } from './errors.ts'

// Not by the names that only `lib.dom` has: Node's types must do as well.
/** What `fetch` takes as headers. */
export type HeadersValue = NonNullable<RequestInit['headers']>

type HeadersFunction = (refused: boolean) => HeadersValue | Promise<HeadersValue>

/**
 * Headers, or a function that returns them for each attempt, with true when the server refused the last ones. What is
 * given the same function shares its refreshes: one call with true serves all whose headers are older.
 */
export type HeadersSource = HeadersValue | HeadersFunction

/** What one reader's headers have been so far. */
export interface HeadersUse {
  /** The server refused the last ones. */
  wereHeadersRefused: boolean
  /** The refresh that they came from, or came after. */
  refresh?: Promise<HeadersValue> | undefined
}

/** The last refresh of each function. */
const refreshes = new WeakMap<HeadersFunction, Promise<HeadersValue>>()

/** What of a request stays the same over all attempts. */
export interface RequestParts {
  readonly method: string
  readonly body?: Exclude<RequestInit['body'], ReadableStream | null>
  readonly headers?: HeadersSource | undefined
  readonly credentials?: RequestInit['credentials']
}

/** The request of one attempt. @throws ClientError `headers` or `invalid-id` */
export async function requestOf(
  { method, body, headers, credentials }: RequestParts,
  accept: string,
  lastEventId: string,
  use: HeadersUse,
): Promise<RequestInit> {
  const all = await headersOf(headers, use)
  if (!all.has('accept')) all.set('accept', accept)
  if (lastEventId !== '') all.set('last-event-id', toByteString(lastEventId))
  // The cache mode, not the header: that one would need a CORS preflight.
  return { method, body, credentials, headers: all, cache: 'no-store' } as RequestInit
}

/** The headers of one attempt. @throws ClientError `headers` */
export async function headersOf(headers: HeadersSource | undefined, use: HeadersUse): Promise<Headers> {
  try {
    if (typeof headers === 'function') headers = await callShared(headers, use)
  } catch (cause) {
    throw new ClientError('headers', 'The headers function threw', {}, cause)
  }
  return new Headers(headers)
}

/** Calls a function for headers, or takes the refresh that another reader began after this one's last call. */
export async function callShared(headers: HeadersFunction, use: HeadersUse): Promise<HeadersValue> {
  let refresh = refreshes.get(headers)
  if (use.wereHeadersRefused && refresh === use.refresh) {
    refresh = (async () => headers(true))()
    refreshes.set(headers, refresh)
  }
  use.refresh = refresh
  return use.wereHeadersRefused ? refresh! : headers(false)
}

/**
 * `fetch` takes a character for a byte; the specification (9.2.3) wants the bytes of UTF-8.
 *
 * @throws ClientError `invalid-id` for control characters, which no header can have (RFC 9110, section 5.5): to
 * ask without the id would lose what was missed, and to ask with it fails each time
 */
export function toByteString(text: string): string {
  // oxlint-disable-next-line no-control-regex
  if (/[\0-\x08\n-\x1f\x7f]/.test(text))
    throw new ClientError('invalid-id', 'The last id cannot be sent back')
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('')
}
