import { createDecoder } from '@tailrace/wire'
import { ClientError } from './errors.ts'
import { toByteString } from './request.ts'
import { orNetworkError, streamOf } from './stream.ts'
import type { OpenStream } from './stream.ts'

/** The reconnection time until the server says another one: the specification (9.2.2) wants "a few seconds". */
const DEFAULT_RECONNECTION_MS = 3_000
/** What `fetch` knows. Any other scheme can never be reached, so there is no point in trying again. */
const SCHEMES: ReadonlySet<string> = new Set(['http:', 'https:', 'data:', 'blob:'])

export interface EventSourceInit {
  /** Sends cookies to other origins as well. @defaultValue false */
  readonly withCredentials?: boolean
}

/** An `error` event that says what happened. */
export class EventSourceErrorEvent extends Event {
  readonly code: string
  readonly message: string
  /** The status of the answer, where there was one. */
  readonly status: number | undefined

  constructor({ code, message, details }: ClientError) {
    super('error')
    this.code = code
    this.message = message
    this.status = details['status'] as number | undefined
  }
}

type Handler = ((this: EventSource, event: never) => unknown) | null

/**
 * The `EventSource` of browsers, everywhere: https://html.spec.whatwg.org/multipage/server-sent-events.html,
 * section 9.2, to the letter where user code can. Its `error` events say what happened.
 */
export class EventSource extends EventTarget {
  static readonly CONNECTING = 0
  static readonly OPEN = 1
  static readonly CLOSED = 2
  readonly CONNECTING = 0
  readonly OPEN = 1
  readonly CLOSED = 2

  readonly #url: string
  readonly #withCredentials: boolean
  readonly #handlers = new Map<string, Handler>()
  #readyState = 0
  #lastEventId = ''
  #reconnectionMs = DEFAULT_RECONNECTION_MS
  #timer: ReturnType<typeof setTimeout> | undefined
  #abort = new AbortController()
  #isReset = false

  /** @throws DOMException `SyntaxError` for what is no URL */
  constructor(url: string | URL, { withCredentials = false }: EventSourceInit = {}) {
    super()
    this.#url = url === FROM_STREAM ? FROM_STREAM.href : resolve(String(url))
    this.#withCredentials = withCredentials
    if (url !== FROM_STREAM) queueMicrotask(() => void this.#connect())
  }

  /**
   * Reads a stream of bytes that somebody else has opened, as proposed in whatwg/html#12272. When it ends,
   * so does the source: there is nothing to connect to again. Whoever pipes one connection after the other
   * into it calls `reset()` in between, and knows from `lastEventId` and `reconnectionTime` where to go on and when.
   */
  static fromReadableStream(stream: ReadableStream<Uint8Array>): EventSource {
    const source = new EventSource(FROM_STREAM)
    const reader = stream.getReader()
    source.#abort.signal.addEventListener('abort', () => void reader.cancel().catch(() => {}))
    queueMicrotask(() => void source.#follow(reader))
    return source
  }

  get url(): string {
    return this.#url
  }

  get withCredentials(): boolean {
    return this.#withCredentials
  }

  get readyState(): number {
    return this.#readyState
  }

  get onopen(): ((this: EventSource, event: Event) => unknown) | null {
    return (this.#handlers.get('open') ?? null) as never
  }

  set onopen(handler: ((this: EventSource, event: Event) => unknown) | null) {
    this.#handle('open', handler)
  }

  get onmessage(): ((this: EventSource, event: MessageEvent<string>) => unknown) | null {
    return (this.#handlers.get('message') ?? null) as never
  }

  set onmessage(handler: ((this: EventSource, event: MessageEvent<string>) => unknown) | null) {
    this.#handle('message', handler)
  }

  get onerror(): ((this: EventSource, event: EventSourceErrorEvent) => unknown) | null {
    return (this.#handlers.get('error') ?? null) as never
  }

  set onerror(handler: ((this: EventSource, event: EventSourceErrorEvent) => unknown) | null) {
    this.#handle('error', handler)
  }

  /** What `Last-Event-ID` is to be, as proposed in whatwg/html#12272. */
  get lastEventId(): string {
    return this.#lastEventId
  }

  /** In milliseconds, as proposed in whatwg/html#12272. */
  get reconnectionTime(): number {
    return this.#reconnectionMs
  }

  /** Discards an event of which only a part has come, as proposed in whatwg/html#12272. */
  reset(): void {
    this.#isReset = true
  }

  close(): void {
    this.#readyState = this.CLOSED
    clearTimeout(this.#timer)
    this.#abort.abort()
  }

  /** An event handler attribute: it keeps the place among the listeners that it had when it was first set. */
  #handle(type: string, handler: unknown): void {
    if (!this.#handlers.has(type)) {
      this.addEventListener(type, (event) => this.#handlers.get(type)?.call(this, event as never))
    }
    this.#handlers.set(type, typeof handler === 'function' ? (handler as Handler) : null)
  }

  /** Whether `close()` was called: also from within a listener. */
  get #isClosed(): boolean {
    return this.#readyState === this.CLOSED
  }

  async #connect(): Promise<void> {
    if (this.#isClosed) return
    try {
      if (!SCHEMES.has(new URL(this.#url).protocol)) {
        throw new ClientError('invalid-option', `${this.#url} cannot be fetched: use http or https.`)
      }
      const response = await orNetworkError(this.#url, fetch(this.#url, this.#request()))
      if (this.#isClosed) return
      const stream = streamOf(response)
      if (stream === undefined)
        throw new ClientError('status', `${this.#url} has nothing more to say.`, { status: 204 })
      this.#announce()
      await this.#read(stream, new URL(response.url).origin)
      this.#reestablish(new ClientError('closed-by-server', 'The server has ended the stream.'))
    } catch (error) {
      if (this.#isClosed) return
      const failure = error instanceof ClientError ? error : tooLarge(error)
      if (failure.code === 'network') this.#reestablish(failure)
      else this.#fail(failure)
    }
  }

  #request(): RequestInit {
    const headers = new Headers({ Accept: 'text/event-stream' })
    if (this.#lastEventId !== '') headers.set('Last-Event-ID', toByteString(this.#lastEventId))
    return {
      headers,
      cache: 'no-store',
      mode: 'cors',
      credentials: this.#withCredentials ? 'include' : 'same-origin',
      signal: this.#abort.signal,
    }
  }

  async #follow(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    if (this.#isClosed) return
    this.#announce()
    try {
      await this.#read({ read: async () => (await reader.read()).value }, '')
      if (!this.#isClosed) this.#fail(new ClientError('closed-by-server', 'The stream has ended.'))
    } catch (error) {
      void reader.cancel(error).catch(() => {})
      if (!this.#isClosed) this.#fail(tooLarge(error))
    }
  }

  async #read(stream: OpenStream, origin: string): Promise<void> {
    const decoder = createDecoder(
      {
        onId: (id) => (this.#lastEventId = id),
        onRetry: (ms) => (this.#reconnectionMs = ms),
        onEvent: ({ type, data, lastEventId }) => {
          if (!this.#isClosed) this.dispatchEvent(new MessageEvent(type, { data, origin, lastEventId }))
        },
      },
      { lastEventId: this.#lastEventId },
    )
    for (let chunk = await stream.read(); chunk !== undefined; chunk = await stream.read()) {
      if (this.#isClosed) return
      // Not at once: it may be called by a listener, in the middle of a chunk.
      if (this.#isReset) decoder.end()
      this.#isReset = false
      decoder.push(chunk)
    }
  }

  #announce(): void {
    this.#readyState = this.OPEN
    this.dispatchEvent(new Event('open'))
  }

  #reestablish(why: ClientError): void {
    if (this.#isClosed) return
    this.#readyState = this.CONNECTING
    this.dispatchEvent(new EventSourceErrorEvent(why))
    if (!this.#isClosed) this.#timer = setTimeout(() => void this.#connect(), this.#reconnectionMs)
  }

  #fail(why: ClientError): void {
    this.close()
    this.dispatchEvent(new EventSourceErrorEvent(why))
  }
}

/** Instead of a URL, for a source that reads what is open already. */
const FROM_STREAM = new URL('about:event-stream')

function resolve(url: string): string {
  try {
    return new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href).href
  } catch {
    throw new DOMException(`${JSON.stringify(url)} is no URL`, 'SyntaxError')
  }
}

function tooLarge(cause: unknown): ClientError {
  return new ClientError('too-large', (cause as Error).message, {}, cause)
}
