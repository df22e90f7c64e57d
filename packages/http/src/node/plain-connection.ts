import type { Socket } from 'node:net'
import type { ProblemCode } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import { problem, SLOW_REQUEST } from '../problem.ts'
import type { ArrivalQueue } from './arrivals.ts'
import { HeadBuffer } from './head-buffer.ts'
import { mayBePlain, readHead } from './head.ts'
import type { PlainHead, PlainMethod } from './head.ts'
import { speaksHttp2 } from './http2.ts'
import type { PendingConnections } from './pending.ts'
import { KEEP_ALIVE_MS, refuseSocket } from './server.ts'
import type { ServerLimits } from './server.ts'
import { SocketExchange } from './socket-exchange.ts'
import type { Carrier } from './socket-exchange.ts'
import { ANSWER_TIMEOUT_MS } from './stall.ts'

/** What becomes of the requests that connections read. */
export interface Takers {
  readonly limits: ServerLimits
  readonly pending: PendingConnections
  readonly arrivals: ArrivalQueue
  /** No more requests are accepted. */
  readonly isStopping: boolean
  takes(method: PlainMethod, path: string): boolean
  publish(exchange: Exchange): void
  /** Takes over a connection. Its request is for a stream, or must be refused. @param bytes - the request */
  stream(socket: Socket, head: PlainHead, bytes: Buffer): void
  /** Takes over a connection. @param bytes - what has been read from it, and not been answered */
  handOn(socket: Socket, bytes: Buffer): void
  /** The same, if the connection begins with HTTP/2. */
  readonly http2: ((socket: Socket, bytes: Buffer) => void) | undefined
  /** The connection reads no more requests. */
  released(connection: PlainConnection): void
  refused(code: ProblemCode): void
}

const NOTHING = Buffer.alloc(0)
/** Longer than the answers say, as in `node:http`, so that the last request of a client is not cut. */
const IDLE_MS = KEEP_ALIVE_MS + 1_000

/**
 * A connection whose requests are read here, one after the other, until one of them is for a stream or for `node:http`.
 * The next request is read when the client has the answer to the one before.
 */
export class PlainConnection implements Carrier {
  readonly socket: Socket
  readonly #takers: Takers
  /** What has arrived of the next head: at most `maxHeadBytes` and one chunk. */
  readonly #head = new HeadBuffer()
  #isFirst = true
  #hadTurn = false
  /** Set while it waits for its turn. */
  #leaveQueue: (() => void) | undefined
  #exchange: SocketExchange | undefined
  /**
   * When a check first saw the client do what it is doing now. The clock is read only then, because for each request that
   * would cost as much as reading its head.
   */
  #since: number | undefined

  constructor(socket: Socket, takers: Takers) {
    this.socket = socket
    this.#takers = takers
    socket.on('data', this.#read)
    socket.on('end', this.#ended)
    socket.on('close', this.#closed)
  }

  get isStopping(): boolean {
    return this.#takers.isStopping
  }

  /** Refuses or cuts a client that takes too long. */
  check(now: number): void {
    const { limits } = this.#takers
    // It waits for others, not the other way round.
    if (this.#leaveQueue !== undefined) return
    this.#since ??= now
    const spent = now - this.#since
    const exchange = this.#exchange
    if (exchange?.isAnswered === true) {
      if (spent >= (limits.answerTimeoutMs ?? ANSWER_TIMEOUT_MS)) this.socket.destroy()
    } else if (exchange !== undefined) {
      if (exchange.isComplete || spent < limits.requestTimeoutMs) return
      this.#takers.refused('request-timeout')
      exchange.reject(problem('request-timeout', SLOW_REQUEST))
    } else if (this.#isFirst || !this.#head.isEmpty) {
      if (spent >= limits.headTimeoutMs) this.#refuse('ERR_HTTP_REQUEST_TIMEOUT')
    } else if (spent >= IDLE_MS) this.socket.destroy()
  }

  /** Closes it unless a request is under way. */
  closeIfIdle(): void {
    if (this.#exchange === undefined && this.#head.isEmpty && this.socket.readableLength === 0)
      this.socket.destroy()
  }

  answered(isLast: boolean): void {
    const { socket } = this
    this.#since = undefined
    if (isLast) {
      // What else arrives belongs to nothing.
      socket.off('data', this.#read).resume()
      socket.destroySoon()
    } else if (socket.writableLength === 0) this.#next()
    // Otherwise, a client could send requests without reading the answers, all of which would be in memory.
    else socket.write(NOTHING, this.#next)
  }

  readonly #next = (): void => {
    const { socket } = this
    this.#exchange?.gone()
    this.#exchange = undefined
    this.#since = undefined
    if (this.isStopping && socket.readableLength === 0) socket.destroySoon()
    // Others are served between the requests of one client.
    else if (socket.isPaused()) setImmediate(this.#resume)
  }

  readonly #resume = (): void => void this.socket.resume()

  readonly #read = (chunk: Buffer): void => {
    if (this.#exchange !== undefined) {
      this.#putBack(this.#exchange.receive(chunk))
      return
    }
    if (this.#head.isEmpty && !this.#isFirst) this.#since = undefined
    this.#head.add(chunk)
    // What was put back has been counted.
    if (!this.#hadTurn) this.#takers.pending.grow(this.socket, chunk.length)
    if (!this.#isClear()) return
    if (this.#hadTurn) this.#look()
    else this.#queue()
  }

  /** Leaves what belongs to a later request in the socket, so that the end of the connection is reported after it. */
  #putBack(bytes: Buffer): void {
    if (bytes.length === 0 || this.socket.destroyed) return
    this.socket.pause()
    this.socket.unshift(bytes)
  }

  /** Whether enough has arrived to decide who serves the client. */
  #isClear(): boolean {
    const { limits, http2 } = this.#takers
    const { bytes, end } = this.#head
    if (this.#isFirst && http2 !== undefined && speaksHttp2(bytes) === undefined) return false
    return end !== undefined || bytes.length > limits.maxHeadBytes || !mayBePlain(bytes)
  }

  /** Waits for its turn, before its first request only. */
  #queue(): void {
    const { bytes } = this.#head
    this.#head.clear()
    this.#putBack(bytes)
    this.#leaveQueue = this.#takers.arrivals.add(this.socket.remoteAddress ?? '', () => {
      this.#leaveQueue = undefined
      this.#hadTurn = true
      this.#since = undefined
      this.socket.resume()
    })
  }

  #look(): void {
    const { limits, http2, takes } = this.#takers
    const { bytes, end } = this.#head
    // Later, its preface is a request that is malformed.
    if (this.#isFirst && http2 !== undefined && speaksHttp2(bytes) === true) {
      this.#release()
      http2(this.socket, bytes)
      return
    }
    // `node:http` decides what is too large, no matter what the request is for.
    const isPlain = end !== undefined && end <= limits.maxHeadBytes
    const head = isPlain ? readHead(bytes, end, takes) : 'other'
    if (head === 'other') this.#handOn()
    else this.#take(head, bytes, end!)
  }

  #take(head: PlainHead, bytes: Buffer, end: number): void {
    this.#takers.pending.settle(this.socket)
    if (head.method === 'GET') {
      this.#release()
      this.socket.pause()
      this.#takers.stream(this.socket, head, bytes)
      return
    }
    this.#isFirst = false
    this.#head.clear()
    this.#exchange = new SocketExchange(head, this)
    this.#putBack(this.#exchange.receive(bytes.subarray(end)))
    this.#takers.publish(this.#exchange)
  }

  #handOn(): void {
    this.#release()
    this.#takers.handOn(this.socket, this.#head.bytes)
  }

  #refuse(code: string | undefined): void {
    this.#release()
    this.#exchange?.gone()
    this.#takers.refused(refuseSocket(this.socket, code))
  }

  /** As `node:http`: a client that closes its end in the middle of a request, or that waits for an answer, is gone. */
  readonly #ended = (): void => {
    const exchange = this.#exchange
    const isWhole = exchange === undefined ? this.#head.isEmpty : exchange.isComplete || exchange.isAnswered
    if (!isWhole) this.#refuse(undefined)
    else this.socket.end()
  }

  readonly #closed = (): void => {
    this.#leaveQueue?.()
    this.#release()
    this.#exchange?.gone()
  }

  #release(): void {
    this.socket.off('data', this.#read)
    this.socket.off('end', this.#ended)
    this.socket.off('close', this.#closed)
    this.#takers.released(this)
  }
}
