import { createDecoder } from '@tailrace/wire'
import { ClientError } from './errors.ts'
import { exchange, streamHeaders } from './request.ts'
import { decode, readerOf, streamOf } from './stream.ts'
import type { OpenStream } from './stream.ts'

/** The reconnection time until the server sets another one: the specification (9.2.2) asks for "a few seconds". */
const DEFAULT_RECONNECTION_MS = 3_000
/** Schemes that `fetch` supports. Any other scheme can never be reached, so there is no point in retrying. */
const FETCHABLE = /^(https?|data|blob):/

/** The second argument of the constructor, as in browsers. */
export interface EventSourceInit {
  /** Sends cookies to other origins as well. @defaultValue false */
  readonly withCredentials?: boolean
}

/** An event of the stream. Not `MessageEvent<string>`: in Node's types `MessageEvent` is not generic. */
export interface EventSourceMessageEvent extends MessageEvent {
  readonly data: string
}

/** An `error` event with the cause. */
export class EventSourceErrorEvent extends Event {
  readonly code: string
  readonly message: string
  /** The status of the response, if there was one. */
  readonly status: number | undefined

  constructor(error: ClientError) {
    super('error')
    this.code = error.code
    this.message = error.message
    this.status = (error as { status?: number }).status
  }
}

/**
 * The `EventSource` of browsers, everywhere: https://html.spec.whatwg.org/multipage/server-sent-events.html, section
 * 9.2, followed to the letter as far as user code can. Its `error` events contain the cause.
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
    // As Web IDL defines constants (3.7.5): on both objects, and read-only.
    for (const holder of [EventSource, EventSource.prototype]) {
      for (const [value, name] of ['CONNECTING', 'OPEN', 'CLOSED'].entries()) {
        Object.defineProperty(holder, name, { value, enumerable: true })
      }
    }
    // Event handler attributes (HTML, 8.1.8.1): the position of a handler among the listeners is from when it was last
    // set from null.
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
    // As Web IDL defines attributes and operations (3.7.6, 3.7.7): enumerable, unlike those of classes.
    for (const name of Object.getOwnPropertyNames(EventSource.prototype).slice(1)) {
      Object.defineProperty(EventSource.prototype, name, { enumerable: true })
    }
  }

  readonly #url: string
  readonly #withCredentials: boolean
  readonly #handlers = new Map<string, object>()
  /** The address of the next connection. The specification keeps a request, whose URL a redirect changes (Fetch, 4.4). */
  #address: string
  #readyState = 0
  #lastEventId = ''
  #reconnectionMs = DEFAULT_RECONNECTION_MS
  #timer: ReturnType<typeof setTimeout> | undefined
  /** Ends the current request, or the reading of its response. */
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
   * Reads an open stream of bytes, as proposed in whatwg/html#12272. When the stream ends, so does the source, because
   * there is nothing to reconnect to. To pipe one connection after the other into it, call `reset()` in between;
   * `lastEventId` and `reconnectionTime` show from where and when to continue.
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

  /** The value for the next `Last-Event-ID`, as proposed in whatwg/html#12272. */
  get lastEventId(): string {
    return this.#lastEventId
  }

  /** In milliseconds, as proposed in whatwg/html#12272. */
  get reconnectionTime(): number {
    return this.#reconnectionMs
  }

  /** Discards an incomplete event, as proposed in whatwg/html#12272. */
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

  /** Whether `close()` was called, perhaps by a listener. */
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
      // Not the request any more: Node 24 throws past every handler if the request of a `data:` URL is aborted now.
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
    /** Events, and ids, each of which applies from its position on. */
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
      // Not in `reset()` itself: a listener may call it in the middle of a chunk.
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
          // Each event in a separate task (9.2.6), as far as an observer can tell.
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

/** Makes a source assignable to the type of the DOM. */
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

/** Takes the place of a URL in a source that reads an open stream. */
const FROM_STREAM = new URL('about:event-stream')

function resolve(url: string): string {
  try {
    return new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href).href
  } catch {
    throw new DOMException(`${JSON.stringify(url)} is not a URL`, 'SyntaxError')
  }
}
