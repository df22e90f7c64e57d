/** Headers, or what gives them anew for each attempt. It is told when the last ones were refused. */
export type HeadersSource = HeadersInit | ((refused: boolean) => HeadersInit | Promise<HeadersInit>)

/** What of a request stays the same over all attempts. */
export interface RequestParts {
  readonly method?: string | undefined
  readonly body?: Exclude<BodyInit, ReadableStream> | undefined
  readonly headers?: HeadersSource | undefined
  readonly credentials?: RequestCredentials | undefined
}

/** The request of one attempt. */
export async function requestOf(
  { method = 'GET', body, headers, credentials }: RequestParts,
  accept: string,
  lastEventId: string,
  wasRefused: boolean,
): Promise<RequestInit> {
  const all = new Headers(typeof headers === 'function' ? await headers(wasRefused) : headers)
  if (!all.has('accept')) all.set('accept', accept)
  if (lastEventId !== '') all.set('last-event-id', toByteString(lastEventId))
  // The cache mode, not the header: that one would need a CORS preflight.
  return { method, body, credentials, headers: all, cache: 'no-store' } as RequestInit
}

/** `fetch` takes a character for a byte; the specification (9.2.3) wants the bytes of UTF-8. */
export function toByteString(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text))
}
