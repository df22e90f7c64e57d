/** A hub that did not do what it was asked, or that cannot be reached. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  /** The status of its answer; nothing when there was none. */
  readonly status: number | undefined
  /** The problem's code, when the answer was a problem. */
  readonly code: string | undefined

  constructor(message: string, status?: number, code?: string, options?: ErrorOptions) {
    super(message, options)
    this.status = status
    this.code = code
  }

  /** Whether the same request may succeed later: nobody answered, or the hub could not serve it then. */
  get isPassing(): boolean {
    return this.status === undefined || this.status === 408 || this.status === 429 || this.status >= 500
  }
}

/** A hub's answer to one event. */
export interface Answer {
  readonly id: string
  readonly topic: string
  readonly duplicate?: boolean
}

/** What goes with a request, whatever it is for. */
export interface RequestOptions {
  readonly token?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** Publishes a batch: each value becomes a line. */
export async function postBatch(
  url: string,
  topic: string,
  events: readonly Readonly<Record<string, unknown>>[],
  options: RequestOptions,
): Promise<readonly Answer[]> {
  const body = events.map((event) => `${JSON.stringify(event)}\n`).join('')
  const headers = new Headers({ 'Content-Type': 'application/x-ndjson' })
  const response = await request(topicUrl(url, topic), { method: 'POST', headers, body }, options)
  const { events: answers } = (await readAnswer(response)) as { events?: readonly Answer[] }
  if (answers?.length !== events.length) throw noHub(response)
  return answers
}

/** Sends a request, and turns every refusal into an `ApiError` with the hub's own words. */
export async function request(
  url: string,
  init: RequestInit & { readonly headers: Headers },
  { token, signal }: RequestOptions,
): Promise<Response> {
  if (token !== undefined) init.headers.set('Authorization', `Bearer ${token}`)
  let response: Response
  try {
    response = await fetch(url, { ...init, signal: signal ?? null })
  } catch (error) {
    if (signal?.aborted === true) throw error
    throw unreachable(url, error)
  }
  if (response.ok) return response
  const body = await readBody(response)
  const { code, detail } = parseProblem(body)
  const text = detail ?? body.slice(0, 200)
  throw new ApiError(
    `the hub answered ${response.status}${text === '' ? '' : `: ${text}`}`,
    response.status,
    code,
  )
}

/** Reads the hub's answer to a publish. */
async function readAnswer(response: Response): Promise<object> {
  const body = await readBody(response)
  try {
    return Object(JSON.parse(body)) as object
  } catch {
    throw noHub(response)
  }
}

/** An answer that is cut may have been a yes or a no: nobody knows, as when there is none. */
async function readBody(response: Response): Promise<string> {
  try {
    return await response.text()
  } catch (error) {
    throw unreachable(response.url, error)
  }
}

function unreachable(url: string, error: unknown): ApiError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const { message, code } = cause as NodeJS.ErrnoException
  // A name with several addresses fails with an error that has a code and no words.
  return new ApiError(`${new URL(url).origin} cannot be reached (${message || code})`, undefined, undefined, {
    cause: error,
  })
}

function noHub({ url, status }: Response): ApiError {
  return new ApiError(`${new URL(url).origin} did not respond like a Tailrace hub`, status)
}

function topicUrl(url: string, topic: string): string {
  return `${url.replace(/\/$/, '')}/topics/${topic.split('/').map(encodeURIComponent).join('/')}`
}

function parseProblem(body: string): { code?: string; detail?: string } {
  try {
    return JSON.parse(body) as { code?: string; detail?: string }
  } catch {
    return {}
  }
}
