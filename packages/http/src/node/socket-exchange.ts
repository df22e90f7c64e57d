import { STATUS_CODES, validateHeaderName, validateHeaderValue } from 'node:http'
import type { Socket } from 'node:net'
import type { Exchange, HeaderFields } from '../exchange.ts'
import type { Problem } from '../problem.ts'
import type { PlainHead } from './head.ts'
import { httpDate } from './http-date.ts'
import { KEEP_ALIVE_MS } from './server.ts'

/** The connection of an exchange. */
export interface Carrier {
  readonly socket: Socket
  /** No more requests are accepted, so the next answer is the last one. */
  readonly isStopping: boolean
  /** The answer has been written. @param isLast - it says that the connection closes */
  answered(isLast: boolean): void
}

const KEPT = `Connection: keep-alive\r\nKeep-Alive: timeout=${KEEP_ALIVE_MS / 1_000}\r\n\r\n`
const LAST: HeaderFields = { Connection: 'close' }
const NOTHING = Buffer.alloc(0)
const NONE: readonly string[] = []
const DONE: IteratorResult<Buffer, undefined> = { done: true, value: undefined }

/** The lines of headers that are the same object for many answers. */
const lines = new WeakMap<HeaderFields, string>()

function linesOf(headers: HeaderFields): string {
  const known = lines.get(headers)
  if (known !== undefined) return known
  let text = ''
  for (const [name, value] of Object.entries(headers)) {
    validateHeaderName(name)
    validateHeaderValue(name, value)
    text += `${name}: ${value}\r\n`
  }
  lines.set(headers, text)
  return text
}

/** A publish on a bare socket. Its answer is short, and written at once. */
export class SocketExchange implements Exchange {
  readonly method: string
  readonly target: string
  readonly transport = 'socket'
  readonly #headers: ReadonlyMap<string, string>
  readonly #carrier: Carrier
  /** The part of the body that has arrived and was not read yet. */
  #chunks: Buffer[] = []
  /** The bytes of the body that have not arrived yet. */
  #missing: number
  #arrived: (() => void) | undefined
  #answerHeaders: Record<string, string> = {}
  #isAnswered = false
  #isGone = false
  #onceGone: (() => void)[] = []

  constructor({ method, target, headers, bodyLength }: PlainHead, carrier: Carrier) {
    this.method = method
    this.target = target
    this.#headers = headers
    this.#missing = bodyLength
    this.#carrier = carrier
  }

  get remoteAddress(): string | undefined {
    return this.#carrier.socket.remoteAddress
  }

  get headerNames(): Iterable<string> {
    return this.#headers.keys()
  }

  header(name: string): string | undefined {
    return this.#headers.get(name)
  }

  values(name: string): readonly string[] {
    const value = this.#headers.get(name)
    return value === undefined ? NONE : [value]
  }

  /** Takes its part of what has arrived. @returns what follows the body */
  receive(bytes: Buffer): Buffer {
    const part = bytes.length > this.#missing ? bytes.subarray(0, this.#missing) : bytes
    if (part.length > 0) {
      this.#missing -= part.length
      this.#chunks.push(part)
      // One chunk is held at a time, for which the budget of bodies has room once it is read.
      if (this.#missing > 0) this.#carrier.socket.pause()
      this.#arrived?.()
    }
    return part === bytes ? NOTHING : bytes.subarray(part.length)
  }

  /** All of the body has arrived. */
  get isComplete(): boolean {
    return this.#missing === 0
  }

  get body(): Buffer | AsyncIterable<Buffer> {
    if (this.isComplete) return this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks)
    return { [Symbol.asyncIterator]: () => ({ next: () => this.#nextChunk() }) }
  }

  get isGone(): boolean {
    return this.#isGone || this.#carrier.socket.destroyed
  }

  get isAnswered(): boolean {
    return this.#isAnswered
  }

  get isEnded(): boolean {
    return this.#isAnswered
  }

  onceGone(tell: () => void): void {
    if (this.isGone) tell()
    else this.#onceGone.push(tell)
  }

  /** The client has received the answer, or is gone. */
  gone(): void {
    this.#isGone = true
    this.#arrived?.()
    for (const tell of this.#onceGone) tell()
  }

  setHeader(name: string, value: string): void {
    validateHeaderName(name)
    validateHeaderValue(name, value)
    this.#answerHeaders[name] = value
  }

  appendHeader(name: string, value: string): void {
    const before = this.#answerHeaders[name]
    this.setHeader(name, before === undefined ? value : `${before}, ${value}`)
  }

  answer(status: number, headers: HeaderFields = {}, body: string | Uint8Array = ''): void {
    const { socket, isStopping } = this.#carrier
    if (this.#isAnswered || !socket.writable) return
    const length = Buffer.byteLength(body)
    const saysLast = headers['Connection'] === 'close'
    // What is left of a body that is not read cannot be told from the next request.
    const isLast = saysLast || isStopping || !this.isComplete
    let head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n`
    for (const name of Object.keys(this.#answerHeaders))
      if (headers[name] === undefined) head += `${name}: ${this.#answerHeaders[name]}\r\n`
    head += `${linesOf(headers)}Content-Length: ${length}\r\nDate: ${httpDate()}\r\n`
    head += isLast ? (saysLast ? '\r\n' : 'Connection: close\r\n\r\n') : KEPT
    this.#isAnswered = true
    // One byte for each character of both, so one string.
    if (length === body.length && typeof body === 'string') socket.write(head + body, 'latin1')
    else socket.write(Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body as string)]))
    this.#carrier.answered(isLast)
  }

  reject({ status, headers, body }: Problem): void {
    if (this.#isAnswered) this.cut()
    else this.answer(status, this.isComplete ? headers : { ...headers, ...LAST }, body)
  }

  answerInSlices(): Promise<void> {
    return Promise.reject(new Error('The answer to a publish is short.'))
  }

  stream(): never {
    throw new Error('The answer to a publish is not a stream.')
  }

  cut(): void {
    this.#carrier.socket.destroy()
  }

  async #nextChunk(): Promise<IteratorResult<Buffer, undefined>> {
    for (;;) {
      const value = this.#chunks.shift()
      if (value !== undefined) return { done: false, value }
      if (this.#missing === 0) return DONE
      if (this.isGone) throw new Error('The client is gone.')
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#arrived = resolve
      this.#carrier.socket.resume()
      await promise
    }
  }
}
