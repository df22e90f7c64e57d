import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { constants, Http2ServerResponse } from 'node:http2'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Peers, Sink } from '@tailrace/hub'
import { bodyConsumed } from '../body.ts'
import type { Compression } from '../compression.ts'
import type { Exchange, HeaderFields, Slices } from '../exchange.ts'
import type { Problem } from '../problem.ts'
import { createHttp2Sink } from './http2-sink.ts'
import { createNodeSink } from './response-sink.ts'
import { exempt } from './stall.ts'
import { holdUnsent } from './unsent-answers.ts'

/** How much of an answer is handed over at a time, so that it shows whether the client is still reading. */
const SLICE_BYTES = 64 * 1024

/** An exchange of `node:http`, or of the part of `node:http2` that looks like it. */
export function exchangeOf(
  request: IncomingMessage,
  response: ServerResponse,
  means: ExchangeMeans = {},
): NodeExchange {
  return response instanceof Http2ServerResponse
    ? new Http2Exchange(request, response, means)
    : new NodeExchange(request, response, means)
}

/** What an exchange uses besides its request. */
export interface ExchangeMeans {
  /** What the system knows about readers. @defaultValue nothing */
  readonly peers?: Peers | undefined
  /** @defaultValue nothing is compressed */
  readonly compression?: Compression | undefined
}

export class NodeExchange implements Exchange {
  protected readonly request: IncomingMessage
  protected readonly response: ServerResponse
  protected readonly peers: Peers | undefined
  readonly compression: Compression | undefined

  constructor(request: IncomingMessage, response: ServerResponse, { peers, compression }: ExchangeMeans) {
    this.request = request
    this.response = response
    this.peers = peers
    this.compression = compression
  }

  get method(): string {
    return this.request.method ?? ''
  }

  get target(): string {
    return this.request.url ?? '/'
  }

  get remoteAddress(): string | undefined {
    return this.request.socket.remoteAddress
  }

  get headerNames(): Iterable<string> {
    return Object.keys(this.request.headers)
  }

  get transport(): string {
    return 'http1'
  }

  header(name: string): string | undefined {
    return this.request.headers[name]?.toString()
  }

  values(name: string): readonly string[] {
    const { headers, rawHeaders } = this.request
    // Most requests lack the headers that are looked up here, and need no search.
    if (headers[name] === undefined) return []
    // From the raw headers, because HTTP/2 has joined repeated ones in `headers`.
    return rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === name)
  }

  get body(): AsyncIterable<Buffer> {
    if (this.request.readableDidRead) return bytesOfParser(this.request)
    // Not earlier: if the request is refused because of its head, the body need not be sent (RFC 9110, section 10.1.1).
    if (this.request.headers.expect?.toLowerCase() === '100-continue') this.response.writeContinue()
    return this.request
  }

  get isGone(): boolean {
    return this.response.destroyed
  }

  get isAnswered(): boolean {
    return this.response.headersSent
  }

  get isEnded(): boolean {
    return this.response.writableEnded
  }

  onceGone(tell: () => void): void {
    if (this.isGone) tell()
    else this.response.on('close', tell)
  }

  setHeader(name: string, value: string): void {
    this.response.setHeader(name, value)
  }

  appendHeader(name: string, value: string): void {
    this.response.appendHeader(name, value)
  }

  answer(status: number, headers: HeaderFields = {}, body?: string | Uint8Array): void {
    if (body === undefined) {
      this.response.writeHead(status, headers).end()
      return
    }
    const length = Buffer.byteLength(body)
    if (length > SLICE_BYTES && !this.hold(length)) return
    this.response.writeHead(status, { ...headers, 'Content-Length': length })
    if (this.method === 'HEAD') this.response.end()
    else if (length > SLICE_BYTES) this.#sendFrom(Buffer.from(body as string))
    else this.response.end(body)
  }

  async answerInSlices(status: number, headers: HeaderFields, slices: Slices, bytes: number): Promise<void> {
    const gone = new AbortController()
    this.onceGone(() => gone.abort())
    try {
      if (bytes > SLICE_BYTES && !this.hold(bytes)) return
      const first = (await slices.next()).value as string | Uint8Array
      let slice = await slices.next()
      if (slice.done === true) {
        this.answer(status, headers, first)
        return
      }
      this.response.writeHead(status, headers)
      if (this.method !== 'HEAD') {
        await this.#write(first, gone.signal)
        for (; slice.done !== true; slice = await slices.next()) await this.#write(slice.value, gone.signal)
      }
      this.response.end()
    } catch (error) {
      if (!gone.signal.aborted) throw error
    } finally {
      await slices.return?.()
    }
  }

  reject({ status, headers, body }: Problem): void {
    const { request, response } = this
    if (response.headersSent) {
      response.destroy()
      return
    }
    // The rest of a body that was refused half-way is not read, so the connection cannot be reused.
    const isCut = request.complete || request.httpVersionMajor > 1 ? {} : { Connection: 'close' }
    this.answer(status, { ...headers, ...isCut }, body)
  }

  stream(headers: HeaderFields): Sink {
    exempt(this.response)
    return createNodeSink(this.response, headers, this.peers)
  }

  cut(): void {
    this.response.destroy()
  }

  /** Counts a large answer against the bound on unsent answers of its connection. @returns whether it may be sent */
  protected hold(_bytes: number): boolean {
    return true
  }

  #sendFrom(body: Buffer): void {
    const [slice, rest] = [body.subarray(0, SLICE_BYTES), body.subarray(SLICE_BYTES)]
    if (rest.length === 0) this.response.end(slice)
    else if (this.response.write(slice)) this.#sendFrom(rest)
    else this.response.once('drain', () => this.#sendFrom(rest))
  }

  /** Others are served after each slice: the system may accept a whole page at once, and then `drain` does not wait. */
  async #write(slice: string | Uint8Array, gone: AbortSignal): Promise<void> {
    gone.throwIfAborted()
    if (!this.response.write(slice)) await once(this.response, 'drain', { signal: gone })
    await nextTurn()
  }
}

/** Answers of `node:http2` only look like those of `node:http`. */
class Http2Exchange extends NodeExchange {
  get #answer(): Http2ServerResponse {
    return this.response as unknown as Http2ServerResponse
  }

  override get transport(): string {
    return 'http2'
  }

  override header(name: string): string | undefined {
    const { headers } = this.request
    return (headers[name] ?? (name === 'host' ? headers[':authority'] : undefined))?.toString()
  }

  /** An HTTP/2 response itself does not show it. */
  override get isGone(): boolean {
    const { stream } = this.#answer
    return stream.destroyed || stream.closed || stream.aborted
  }

  override onceGone(tell: () => void): void {
    super.onceGone(tell)
    // A stream does not close while a part of its request is unread.
    if (!this.isGone) this.#answer.stream.on('aborted', tell)
  }

  /** HTTP/2 has no `Connection` (RFC 9113, section 8.2.2), and Node warns of it. */
  override answer(
    status: number,
    { Connection: _, ...headers }: HeaderFields = {},
    body?: string | Uint8Array,
  ): void {
    super.answer(status, headers, body)
  }

  /** The underlying stream, unlike the response, knows its flow-control window. */
  override stream(headers: HeaderFields): Sink {
    exempt(this.response)
    const all = { ...this.response.getHeaders(), ...headers }
    return createHttp2Sink(this.#answer.stream, all, this.peers)
  }

  override cut(): void {
    this.#answer.stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  }

  protected override hold(bytes: number): boolean {
    return holdUnsent(this.#answer.stream, bytes)
  }
}

/**
 * The body of a request that middleware of the application has already read. Only bytes are accepted: a string or an
 * object is the output of a parser, so the body would no longer be stored verbatim.
 *
 * @throws HttpError `body-consumed`
 */
async function* bytesOfParser(
  request: IncomingMessage & { readonly body?: unknown },
): AsyncGenerator<Buffer> {
  if (!Buffer.isBuffer(request.body)) throw bodyConsumed()
  yield request.body
}
