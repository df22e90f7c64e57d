import { createDecoder } from '@tailrace/wire'
import { ClientError } from './errors.ts'
import { exchange, streamHeaders } from './request.ts'
import { decode, readerOf, streamOf } from './stream.ts'
import type { OpenStream } from './stream.ts'

/** The reconnection time until the server says another one: the specification (9.2.2) wants "a few seconds". */
const DEFAULT_RECONNECTION_MS = 3_000
/** Schemes that `fetch` supports. Any other scheme can never be reached, so there is no point in retrying. */
const FETCHABLE = /^(https?|data|blob):/

export interface EventSourceInit {
  /** Sends cookies to other origins as well. @defaultValue false */
  readonly withCredentials?: boolean
}

/** An event of the stream. Not `MessageEvent<string>`: in Node's types `MessageEvent` is not generic. */
export interface EventSourceMessageEvent extends MessageEvent {
  readonly data: string
}

/** An `error` event that says what happened. */
export class EventSourceErrorEvent extends Event {
  readonly code: string
  readonly message: string
  /** The status of the answer, where there was one. */
  readonly status: number | undefined

  constructor(error: ClientError) {
    super('error')
    this.code = error.code
    this.message = error.message
    this.status = (error as { status?: number }).status
  }
}

/**
 * The `EventSource` of browsers, everywhere: https://html.spec.whatwg.org/multipage/server-sent-events.html,
 * section 9.2, to the letter where user code can. Its `error` events say what happened.
 */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging
export class EventSource extends EventTarget {
  declare static readonly CONNECTING: 0
  declare static readonly OPEN: 1
  declare static readonly CLOSED: 2
  declare readonly CONNECTING: 0
  declare readonly OPEN: 1
  declare readonly CLOSED: 2
  declare onopen: ((event: Event) => unknown) | null
  declare onmessage: ((event: EventSourceMessageEvent) => unknown) | null

  static {
    // As WebIDL has constants (3.7.5): on both, and never to be changed.
    for (const holder of [EventSource, EventSource.prototype]) {
      for (const [value, name] of ['CONNECTING', 'OPEN', 'CLOSED'].entries()) {
        Object.defineProperty(holder, name, { value, enumerable: true })
      }
    }
    // Event handler attributes (HTML, 8.1.8.1): each has the place among the listeners of when it was last set from null.
    for (const type of ['open', 'message', 'error']) {
      Object.defineProperty(EventSource.prototype, `on${type}`, {
        configurable: true,
        get(this: EventSource) {
          return this.#handlers.get(type) ?? null
        },
        set(this: EventSource, handler: unknown) {
          if (Object(handler) !== handler) {
            this.#handlers.delete(type)
            this.removeEventListener(type, this.#callHandler)
          } else {
            if (!this.#handlers.has(type)) this.addEventListener(type, this.#callHandler)
            this.#handlers.set(type, handler as object)
          }
        },
      })
    }
    // As Web IDL has attributes and operations (3.7.6, 3.7.7), and unlike classes.
    for (const name of Object.getOwnPropertyNames(EventSource.prototype).slice(1)) {
      Object.defineProperty(EventSource.prototype, name, { enumerable: true })
    }
  }

  readonly #url: string
  readonly #withCredentials: boolean
  readonly #handlers = new Map<string, object>()
  /** Where it connects: the specification keeps a request, which a redirect changes (Fetch, 4.4). */
  #address: string
  #readyState = 0
  #lastEventId = ''
  #reconnectionMs = DEFAULT_RECONNECTION_MS
  #timer: ReturnType<typeof setTimeout> | undefined
  /** Ends what is under way: a request, or the reading of its answer. */
  #stop: () => void = () => {}
  #isReset = false

  /** @throws DOMException `SyntaxError` if it is not a URL */
  constructor(url: string | URL, init: EventSourceInit | null = {}) {
    super()
    if (arguments.length === 0) throw new TypeError('No URL')
    if (init !== null && Object(init) !== init) throw new TypeError('init is not an object')
    this.#url = url === FROM_STREAM ? FROM_STREAM.href : resolve(String(url))
    this.#address = this.#url
    this.#withCredentials = Boolean(init?.withCredentials)
    if (url !== FROM_STREAM) queueMicrotask(() => void this.#connect())
  }

  /**
   * Reads a stream of bytes that somebody else has opened, as proposed in whatwg/html#12272. When it ends,
   * so does the source: there is nothing to connect to again. Whoever pipes one connection after the other
   * into it calls `reset()` in between, and knows from `lastEventId` and `reconnectionTime` where to go on and when.
   */
  static fromReadableStream(stream: ReadableStream<Uint8Array>): EventSource {
    const source = new EventSource(FROM_STREAM)
    const open = readerOf(FROM_STREAM.href, stream.getReader())
    source.#stop = open.cancel
    queueMicrotask(() => void source.#follow(open))
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
    this.#stop()
  }

  get [Symbol.toStringTag](): string {
    return 'EventSource'
  }

  readonly #callHandler = (event: Event): void => {
    const handler = this.#handlers.get(event.type)
    if (typeof handler === 'function') handler.call(this, event)
  }

  /** Whether `close()` was called: also from within a listener. */
  get #isClosed(): boolean {
    return this.#readyState === this.CLOSED
  }

  async #connect(): Promise<void> {
    if (this.#isClosed) return
    try {
      if (!FETCHABLE.test(this.#address)) {
        throw new ClientError('invalid-option', `${this.#url} cannot be fetched`, {
          details: { option: 'url' },
        })
      }
      const request = new AbortController()
      this.#stop = () => request.abort()
      const response = await exchange(this.#address, {
        headers: streamHeaders(this.#lastEventId),
        credentials: this.#withCredentials ? 'include' : 'same-origin',
        signal: request.signal,
      })
      if (this.#isClosed) return
      const stream = streamOf(response)
      // No longer the request: Node 24 throws past every handler when that of a `data:` URL is aborted now.
      this.#stop = stream.cancel
      this.#address = response.url
      await this.#read(stream, new URL(response.url).origin)
    } catch (error) {
      if (this.#isClosed) return
      const failure = error as ClientError
      if (/^(network|closed-by-server)$/.test(failure.code)) this.#reestablish(failure)
      else this.#fail(failure)
    }
  }

  async #follow(stream: OpenStream): Promise<void> {
    try {
      if (!this.#isClosed) await this.#read(stream, 'null')
    } catch (error) {
      if (!this.#isClosed) this.#fail(error as ClientError)
    }
  }

  /** Reads it to its end, or until the source is closed. @throws ClientError */
  async #read(stream: OpenStream, origin: string): Promise<void> {
    this.#readyState = this.OPEN
    this.dispatchEvent(new Event('open'))
    /** Events, and ids, each of which holds from its place on. */
    const arrived: (MessageEvent<string> | string)[] = []
    const decoder = createDecoder(
      {
        onId: (id) => arrived.push(id),
        onRetry: (ms) => (this.#reconnectionMs = ms),
        onEvent: ({ type, data, lastEventId }) =>
          arrived.push(new MessageEvent(type, { data, origin, lastEventId })),
      },
      { lastEventId: this.#lastEventId },
    )
    for (let chunk = await stream.read(); chunk !== undefined; chunk = await stream.read()) {
      if (this.#isClosed) return
      // Not at once: it may be called by a listener, in the middle of a chunk.
      if (this.#isReset) decoder.end()
      this.#isReset = false
      // A stream from the caller may yield text.
      if (!ArrayBuffer.isView(chunk))
        throw new ClientError('invalid-option', 'The stream yields text, not bytes', {
          details: { option: 'stream' },
        })
      const failure = decode(decoder, chunk)
      for (const next of arrived.splice(0)) {
        if (this.#isClosed) return
        if (typeof next === 'string') this.#lastEventId = next
        else {
          this.dispatchEvent(next)
          // Each in a task of its own (9.2.6), as far as what follows from it can tell.
          await Promise.resolve()
        }
      }
      if (failure !== undefined) throw failure
    }
    throw new ClientError('closed-by-server', 'The stream has ended')
  }

  #reestablish(why: ClientError): void {
    this.#readyState = this.CONNECTING
    this.dispatchEvent(new EventSourceErrorEvent(why))
    if (!this.#isClosed) this.#timer = setTimeout(() => void this.#connect(), this.#reconnectionMs)
  }

  #fail(why: ClientError): void {
    this.close()
    this.dispatchEvent(new EventSourceErrorEvent(why))
  }
}

type ListenerArguments = Parameters<EventTarget['addEventListener']>

/** Such that a source may stand for one of the DOM's types. */
export interface EventSource {
  get onerror(): ((event: unknown) => unknown) | null
  set onerror(handler: ((event: EventSourceErrorEvent) => unknown) | null)
  addEventListener(
    type: 'error',
    listener: (event: EventSourceErrorEvent) => unknown,
    options?: ListenerArguments[2],
  ): void
  addEventListener(
    type: string,
    listener: (event: EventSourceMessageEvent) => unknown,
    options?: ListenerArguments[2],
  ): void
  addEventListener(...listener: ListenerArguments): void
  removeEventListener(
    type: string,
    listener: (event: EventSourceMessageEvent) => unknown,
    options?: Parameters<EventTarget['removeEventListener']>[2],
  ): void
  removeEventListener(...listener: Parameters<EventTarget['removeEventListener']>): void
}

/** Instead of a URL, for a source that reads what is open already. */
const FROM_STREAM = new URL('about:event-stream')

function resolve(url: string): string {
  try {
    return new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href).href
  } catch {
    throw new DOMException(`${JSON.stringify(url)} is not a URL`, 'SyntaxError')
  }
}
