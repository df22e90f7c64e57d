import type { Sink } from '@tailrace/hub'
import { bodyConsumed } from '../body.ts'
import type { Compression } from '../compression.ts'
import type { Exchange, HeaderFields, Slices } from '../exchange.ts'
import type { Problem } from '../problem.ts'
import { createWebSink } from './sink.ts'

/** What an exchange uses besides its request. */
export interface WebExchangeMeans {
  /** The part of the path that precedes the target. @defaultValue none */
  readonly prefix?: string | undefined
  readonly remoteAddress?: string | undefined
  /** @defaultValue nothing is compressed */
  readonly compression?: Compression | undefined
}

/** An exchange of a `Request` and the `Response` that it resolves with. */
export class WebExchange implements Exchange {
  readonly method: string
  readonly target: string
  readonly remoteAddress: string | undefined
  readonly transport = 'web'
  readonly compression: Compression | undefined
  readonly response: Promise<Response>
  readonly #request: Request
  readonly #headers = new Headers()
  readonly #leaving = new AbortController()
  readonly #settle: (response: Response) => void
  readonly #fail: (reason: unknown) => void
  isAnswered = false

  constructor(request: Request, { prefix = '', remoteAddress, compression }: WebExchangeMeans = {}) {
    const { pathname, search } = new URL(request.url)
    this.method = request.method
    this.target = `${pathname.slice(prefix.length)}${search}`
    this.remoteAddress = remoteAddress
    this.compression = compression
    this.#request = request
    let [settle, fail]: [(response: Response) => void, (reason: unknown) => void] = [() => {}, () => {}]
    this.response = new Promise((resolve, reject) => ([settle, fail] = [resolve, reject]))
    this.#settle = settle
    this.#fail = fail
    const leave = (): void => this.#leave()
    if (request.signal.aborted) leave()
    else request.signal.addEventListener('abort', leave, { signal: this.#leaving.signal })
  }

  header(name: string): string | undefined {
    const value = this.#request.headers.get(name)
    if (value !== null) return value
    return name === 'host' ? new URL(this.#request.url).host : undefined
  }

  /** A joined value can no longer be split. */
  values(name: string): readonly string[] {
    const value = this.header(name)
    return value === undefined ? [] : [value]
  }

  get headerNames(): Iterable<string> {
    return this.#request.headers.keys()
  }

  get body(): AsyncIterable<Buffer> {
    const { body, bodyUsed } = this.#request
    if (bodyUsed || body?.locked === true) throw bodyConsumed()
    return chunksOf(body)
  }

  get isGone(): boolean {
    return this.#leaving.signal.aborted
  }

  get isEnded(): boolean {
    return this.isGone
  }

  onceGone(tell: () => void): void {
    if (this.isGone) tell()
    else this.#leaving.signal.addEventListener('abort', tell)
  }

  setHeader(name: string, value: string): void {
    this.#headers.set(name, value)
  }

  appendHeader(name: string, value: string): void {
    this.#headers.append(name, value)
  }

  answer(status: number, headers: HeaderFields = {}, body?: string | Uint8Array): void {
    const content = this.method === 'HEAD' ? undefined : body
    this.#respond(status, headers, (content as BodyInit | undefined) ?? null)
    this.#leave()
  }

  async answerInSlices(status: number, headers: HeaderFields, slices: Slices): Promise<void> {
    this.onceGone(() => void slices.return?.())
    if (this.method === 'HEAD') {
      this.answer(status, headers)
      return
    }
    const leave = (): void => this.#leave()
    const body = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const { done, value } = await slices.next()
          if (done !== true) controller.enqueue(typeof value === 'string' ? Buffer.from(value) : value)
          else {
            leave()
            controller.close()
          }
        },
        cancel: leave,
      },
      // Nothing is generated before the client reads.
      { highWaterMark: 0 },
    )
    this.#respond(status, headers, body)
  }

  reject({ status, headers, body }: Problem): void {
    this.answer(status, headers, body)
  }

  stream(headers: HeaderFields): Sink {
    const sink = createWebSink(this.#request.signal, () => this.#leave())
    this.#respond(200, headers, sink.body)
    return sink
  }

  /** Fails the request, which the runtime then answers in its own way. */
  cut(): void {
    this.#fail(new DOMException('The exchange was cut.', 'AbortError'))
    this.#leave()
  }

  #respond(status: number, headers: HeaderFields, body: BodyInit | null): void {
    this.isAnswered = true
    for (const [name, value] of Object.entries(headers)) this.#headers.set(name, value)
    this.#settle(new Response(body, { status, headers: this.#headers }))
  }

  #leave(): void {
    this.#leaving.abort()
    // The client has left, so it never sees this answer.
    this.#settle(new Response(null, { status: 499 }))
  }
}

async function* chunksOf(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Buffer> {
  if (body === null) return
  for await (const { buffer, byteOffset, length } of body) yield Buffer.from(buffer, byteOffset, length)
}
