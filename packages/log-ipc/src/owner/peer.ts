import type { Socket } from 'node:net'
import { deserialize, serialize } from 'node:v8'
import { LogError } from '@tailrace/log'
import type { CompleteEventLog, NewEvent, Page } from '@tailrace/log'
import { within } from '@tailrace/log/adapter'

import { Decoder } from '../protocol/decoder.ts'
import { Encoder } from '../protocol/encoder.ts'
import { decodeBatch, encodeStored } from '../protocol/events.ts'
import { FrameReader } from '../protocol/frame-reader.ts'
import { METHODS, type Method } from '../protocol/methods.ts'
import { Outbox } from '../protocol/outbox.ts'
import {
  FRAME,
  GREETING_TIMEOUT_MS,
  MAX_FRAME_BYTES,
  MAX_GREETING_BYTES,
  PROTOCOL,
  VERSION,
  type Hello,
  type Welcome,
} from '../protocol/protocol.ts'
import { encodeError, encodeOutcome, type BatchOutcome } from '../protocol/results.ts'
import type { Feed } from './feed.ts'
import { Follower } from './follower.ts'

/** Calls of a node that may be under way. Its next ones wait in its socket. */
const MAX_CALLS = 16
/** Requests of a node that does not accept this many bytes of its answers wait in its socket. */
const MAX_QUEUED_BYTES = 4 * 2 ** 20
/** How long closing waits for what was accepted. */
const CLOSING_MS = 5_000

/** The connection of one node. */
export class Peer {
  readonly #log: CompleteEventLog
  readonly #feed: Feed
  readonly #socket: Socket
  readonly #reader = new FrameReader()
  readonly #outbox: Outbox
  readonly #outcomes = new Encoder()
  readonly #encoder = new Encoder()
  readonly #greeting: NodeJS.Timeout
  #follower: Follower | undefined
  #state: 'new' | 'greeting' | 'open' | 'closing' = 'new'
  #isWaiting = false
  #calls = 0
  readonly #running = new Set<Promise<unknown>>()

  constructor(socket: Socket, log: CompleteEventLog, feed: Feed) {
    this.#socket = socket
    this.#log = log
    this.#feed = feed
    this.#outbox = new Outbox(socket, () =>
      this.#outcomes.length === 0 ? undefined : this.#outcomes.finish(FRAME.appended),
    )
    this.#greeting = setTimeout(() => socket.destroy(), GREETING_TIMEOUT_MS)
    socket.on('data', (chunk) => this.#read(chunk))
    socket.on('drain', () => this.#proceed())
    // It is followed by `close`.
    socket.on('error', () => {})
    socket.on('close', () => this.#end())
  }

  /** Completes what was accepted, and then ends the connection. */
  async close(): Promise<void> {
    this.#state = 'closing'
    this.#socket.pause()
    await within(CLOSING_MS, Promise.allSettled(this.#running), () => undefined)
    this.#outbox.flush()
    await within(CLOSING_MS, this.#outbox.drained(), () => undefined)
    this.#socket.destroy()
  }

  #end(): void {
    clearTimeout(this.#greeting)
    this.#follower?.end()
  }

  #read(chunk: Buffer): void {
    this.#reader.push(chunk)
    this.#serve()
  }

  /** Serves what has arrived. Whoever does not keep to the protocol is cut off. */
  #serve(): void {
    try {
      while (this.#canServe()) {
        const frame = this.#reader.next(this.#state === 'new' ? MAX_GREETING_BYTES : MAX_FRAME_BYTES)
        if (frame === undefined) return
        this.#handle(new Decoder(frame))
      }
    } catch {
      this.#socket.destroy()
    }
  }

  #canServe(): boolean {
    if (this.#state === 'greeting' || this.#state === 'closing') return false
    this.#isWaiting = this.#calls >= MAX_CALLS || this.#outbox.queuedBytes > MAX_QUEUED_BYTES
    if (this.#isWaiting) this.#socket.pause()
    return !this.#isWaiting
  }

  #proceed(): void {
    if (!this.#isWaiting || !this.#canServe()) return
    this.#socket.resume()
    this.#serve()
  }

  #handle(decoder: Decoder): void {
    if (this.#state === 'new') {
      if (decoder.kind !== FRAME.hello) throw new RangeError('The first frame must be a greeting.')
      this.#state = 'greeting'
      this.#socket.pause()
      this.#run(this.#greet(JSON.parse(decoder.rest().toString()) as Hello))
    } else if (decoder.kind === FRAME.append) {
      let number = decoder.f64()
      while (!decoder.isAtEnd) {
        this.#run(this.#append(number, decodeBatch(decoder)))
        number += 1
      }
    } else if (decoder.kind === FRAME.call) {
      const id = decoder.f64()
      const [method, ...args] = deserialize(decoder.rest()) as [Method, ...unknown[]]
      if (!Object.hasOwn(METHODS, method)) throw new RangeError('There is no such method.')
      this.#calls += 1
      this.#run(this.#call(id, method, args))
    } else {
      throw new RangeError(`A node does not send frames of the kind ${decoder.kind}.`)
    }
  }

  #run(task: Promise<void>): void {
    this.#running.add(task)
    const settle = (): void => {
      this.#running.delete(task)
      this.#proceed()
    }
    task.then(settle, settle)
  }

  async #greet({ protocol, version, known }: Hello): Promise<void> {
    clearTimeout(this.#greeting)
    try {
      if (protocol !== PROTOCOL || version !== VERSION) throw otherVersion(version)
      const { epoch, newest } = await this.#log.describe()
      if (this.#feed.obstacle !== undefined) throw this.#feed.obstacle
      if (this.#socket.destroyed) return
      const { offset, owner, purges } = this.#feed
      const welcome: Welcome = { epoch, newest, offset, owner, purge: purges.newest }
      this.#sendJson(FRAME.welcome, welcome)
      this.#follower = new Follower(this.#log, this.#feed, this.#outbox, known)
      this.#follower.begin()
      if (this.#state !== 'greeting') return
      this.#state = 'open'
      this.#socket.resume()
      this.#serve()
    } catch (error) {
      const { code, message, details } = toLogError(error)
      this.#sendJson(FRAME.refused, { code, message, details })
      this.#outbox.flush()
      this.#socket.destroySoon()
    }
  }

  async #append(number: number, batch: readonly NewEvent[]): Promise<void> {
    let outcome: BatchOutcome
    try {
      outcome = await this.#log.append(batch)
    } catch (error) {
      outcome = toLogError(error)
    }
    encodeOutcome(this.#outcomes, number, outcome)
    this.#outbox.wake()
  }

  async #call(id: number, method: Method, args: readonly unknown[]): Promise<void> {
    const call = METHODS[method] as (log: CompleteEventLog, ...args: readonly unknown[]) => Promise<unknown>
    try {
      const result = await (method === 'purge'
        ? this.#feed.purge(args[0] as string)
        : call(this.#log, ...args))
      if (method === 'read' || method === 'snapshot') this.#sendPage(id, result as Page)
      else this.#sendAnswer(id, result)
    } catch (error) {
      this.#encoder.truncate(0)
      this.#encoder.f64(id)
      encodeError(this.#encoder, toLogError(error))
      this.#outbox.send(this.#encoder.finish(FRAME.error))
    } finally {
      this.#calls -= 1
    }
  }

  #sendAnswer(id: number, result: unknown): void {
    this.#encoder.f64(id)
    this.#encoder.bytes(serialize(result))
    this.#outbox.send(this.#encoder.finish(FRAME.answer))
  }

  #sendPage(id: number, { events, next, more, lostThrough, losses }: Page): void {
    this.#encoder.f64(id)
    this.#encoder.f64(next)
    this.#encoder.u8(more ? 1 : 0)
    this.#encoder.f64(lostThrough)
    this.#encoder.f64(losses)
    encodeStored(this.#encoder, events)
    this.#outbox.send(this.#encoder.finish(FRAME.page))
  }

  #sendJson(kind: number, value: unknown): void {
    this.#encoder.bytes(Buffer.from(JSON.stringify(value)))
    this.#outbox.send(this.#encoder.finish(kind))
  }
}

function toLogError(error: unknown): LogError {
  if (LogError.is(error)) return error
  return new LogError('cannot-open', `The log has failed: ${String(error)}`, { cause: error })
}

function otherVersion(version: number): LogError {
  return new LogError(
    'incompatible',
    `The log is served by version ${VERSION} of the protocol, and this process has version ${version}: both must be of the same release of Tailrace.`,
    { details: { version, served: VERSION } },
  )
}
