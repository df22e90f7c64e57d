/** A request to a hub that failed, because the hub refused it or cannot be reached. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  /** The status of the response, if there was one. */
  readonly status: number | undefined
  /** The code of the problem, if the response was a problem. */
  readonly code: string | undefined

  constructor(message: string, status?: number, code?: string, options?: ErrorOptions) {
    super(message, options)
    this.status = status
    this.code = code
  }

  /**
   * Whether the same request may succeed later: there was no response, or the hub could not serve it at that
   * time.
   */
  get isPassing(): boolean {
    return this.status === undefined || this.status === 408 || this.status === 429 || this.status >= 500
  }
}

/** The response of a hub to one event. */
export interface Answer {
  readonly id: string
  readonly topic: string
  readonly duplicate?: boolean
}

/** Options of every request. */
export interface RequestOptions {
  readonly token?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** Publishes a batch, with one line for each value. */
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

/** Sends a request, and turns every error response into an `ApiError` with the hub's own explanation. */
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

/** Reads the response of a hub to a publish. */
async function readAnswer(response: Response): Promise<object> {
  const body = await readBody(response)
  try {
    return Object(JSON.parse(body)) as object
  } catch {
    throw noHub(response)
  }
}

/** If a response breaks off, the outcome is unknown, as if there were no response. */
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
  // If a name has several addresses, the error has a code but no message.
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
