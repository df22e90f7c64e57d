import { ClientError } from './errors.ts'

/** Headers, or what gives them anew for each attempt. It is told when the last ones were refused. */
export type HeadersSource = HeadersInit | ((refused: boolean) => HeadersInit | Promise<HeadersInit>)

/** What of a request stays the same over all attempts. */
export interface RequestParts {
  readonly method: string
  readonly body?: Exclude<BodyInit, ReadableStream> | undefined
  readonly headers?: HeadersSource | undefined
  readonly credentials?: RequestCredentials | undefined
}

/** The request of one attempt. @throws ClientError `headers` or `invalid-id` */
export async function requestOf(
  { method, body, headers, credentials }: RequestParts,
  accept: string,
  lastEventId: string,
  wasRefused: boolean,
): Promise<RequestInit> {
  const all = await headersOf(headers, wasRefused)
  if (!all.has('accept')) all.set('accept', accept)
  if (lastEventId !== '') all.set('last-event-id', toByteString(lastEventId))
  // The cache mode, not the header: that one would need a CORS preflight.
  return { method, body, credentials, headers: all, cache: 'no-store' } as RequestInit
}

/** The headers of one attempt. @throws ClientError `headers` */
export async function headersOf(headers: HeadersSource | undefined, wasRefused: boolean): Promise<Headers> {
  try {
    if (typeof headers === 'function') headers = await headers(wasRefused)
  } catch (cause) {
    throw new ClientError('headers', 'The function for headers has failed', {}, cause)
  }
  return new Headers(headers)
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
