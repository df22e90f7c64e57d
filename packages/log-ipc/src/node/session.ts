import { connect, type Socket } from 'node:net'
import { LogError, type StoredEvent } from '@tailrace/log'
import { revive, type PlainError, type Session } from '@tailrace/log/adapter'

import { Decoder } from '../protocol/decoder.ts'
import { Encoder } from '../protocol/encoder.ts'
import { decodeStored } from '../protocol/events.ts'
import { FrameReader } from '../protocol/frame-reader.ts'
import { Outbox } from '../protocol/outbox.ts'
import {
  FRAME,
  GREETING_TIMEOUT_MS,
  MAX_FRAME_BYTES,
  PROTOCOL,
  VERSION,
  type Hello,
  type KnownPlace,
  type Welcome,
} from '../protocol/protocol.ts'
import { decodeError } from '../protocol/results.ts'
import { Appends } from './appends.ts'
import { Calls } from './calls.ts'

/** What the owner reports besides results. */
export interface SessionListener {
  events(events: readonly StoredEvent[]): void
  /** Nothing is left up to here that was not reported. */
  place(offset: number): void
  lost(through: number): void
  purging(topic: string): void
  purged(topic: string, through: number, number: number): void
  kept(topic: string): void
  interrupted(reason: LogError): void
  resumed(): void
  failed(error: LogError): void
}

/** One connection to the owner of a log. */
export class IpcSession implements Session {
  readonly lost: Promise<LogError>
  readonly appends: Appends
  readonly calls: Calls
  readonly #path: string
  readonly #socket: Socket
  readonly #reader = new FrameReader()
  readonly #outbox: Outbox
  #welcome: Welcome | undefined
  #greeted: (greeting: Welcome | LogError) => void = () => {}
  #lose: (reason: LogError) => void = () => {}
  /** Why it was lost. */
  #reason: LogError | undefined
  #listener: SessionListener | undefined

  private constructor(path: string) {
    this.#path = path
    this.lost = new Promise((resolve) => (this.#lose = resolve))
    this.#socket = connect(path)
    this.#outbox = new Outbox(this.#socket, () => this.appends.collect())
    this.appends = new Appends(this.#outbox)
    this.calls = new Calls(this.#outbox)
    this.#socket.on('data', (chunk) => {
      this.#reader.push(chunk)
      this.#serve()
    })
    this.#socket.on('error', (error) => this.end(whyNot(path, error)))
    this.#socket.on('close', () => this.end(gone(path)))
  }

  /** Connects, and exchanges greetings. @throws LogError */
  static async open(path: string, known: KnownPlace | undefined, signal: AbortSignal): Promise<IpcSession> {
    const session = new IpcSession(path)
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(GREETING_TIMEOUT_MS)])
    const giveUp = (): void => session.end(silent(path))
    inTime.addEventListener('abort', giveUp)
    if (inTime.aborted) giveUp()
    try {
      await session.#greet(known)
      return session
    } finally {
      inTime.removeEventListener('abort', giveUp)
    }
  }

  /** Which log it is. */
  get welcome(): Welcome {
    return this.#welcome!
  }

  /** Begins to report. */
  follow(listener: SessionListener): void {
    this.#listener = listener
    this.#socket.resume()
    this.#serve()
  }

  /** Ends the connection, for this reason. */
  end(reason: LogError): void {
    if (this.#reason !== undefined) return
    this.#reason = reason
    this.#socket.destroy()
    this.#greeted(reason)
    const unknown = new LogError(
      'outcome-unknown',
      `The connection to the owner of the log at ${this.#path} was lost before it answered: what it was asked to write may be stored.`,
      { cause: reason },
    )
    this.appends.lose(reason, unknown)
    this.calls.lose(reason, unknown)
    this.#lose(reason)
  }

  async close(): Promise<void> {
    this.end(gone(this.#path))
  }

  async #greet(known: KnownPlace | undefined): Promise<void> {
    const hello: Hello = { protocol: PROTOCOL, version: VERSION, known }
    const encoder = new Encoder()
    encoder.bytes(Buffer.from(JSON.stringify(hello)))
    this.#outbox.send(encoder.finish(FRAME.hello))
    const greeting = await new Promise<Welcome | LogError>((resolve) => {
      this.#greeted = resolve
      if (this.#reason !== undefined) resolve(this.#reason)
    })
    if (LogError.is(greeting)) throw greeting
    this.#welcome = greeting
  }

  #serve(): void {
    try {
      while (this.#reason === undefined) {
        const isEarly = this.#welcome !== undefined && this.#listener === undefined
        if (isEarly) return
        const frame = this.#reader.next(MAX_FRAME_BYTES)
        if (frame === undefined) return
        this.#handle(new Decoder(frame))
      }
    } catch (error) {
      this.end(garbled(this.#path, error))
    }
  }

  #handle(decoder: Decoder): void {
    if (this.#listener === undefined) this.#handleGreeting(decoder)
    else this.#handleReport(decoder, this.#listener)
  }

  #handleGreeting(decoder: Decoder): void {
    const { kind } = decoder
    const greeting = JSON.parse(decoder.rest().toString()) as unknown
    if (kind === FRAME.refused) {
      this.end(revive(greeting as PlainError))
    } else if (kind === FRAME.welcome) {
      this.#socket.pause()
      this.#welcome = greeting as Welcome
      this.#greeted(this.#welcome)
    } else {
      throw new RangeError('The first frame must be a greeting.')
    }
  }

  #handleReport(decoder: Decoder, listener: SessionListener): void {
    switch (decoder.kind) {
      case FRAME.events:
        return listener.events(decodeStored(decoder))
      case FRAME.appended:
        return this.appends.settle(decoder)
      case FRAME.page:
        return this.calls.page(decoder)
      case FRAME.answer:
        return this.calls.answer(decoder)
      case FRAME.error:
        return this.calls.reject(decoder)
      case FRAME.place:
        return listener.place(decoder.f64())
      case FRAME.lost:
        return listener.lost(decoder.f64())
      case FRAME.purging:
        return listener.purging(decoder.text())
      case FRAME.kept:
        return listener.kept(decoder.text())
      case FRAME.purged: {
        const [number, through, topic] = [decoder.f64(), decoder.f64(), decoder.text()]
        return listener.purged(topic, through, number)
      }
      case FRAME.interrupted:
        return listener.interrupted(decodeError(decoder))
      case FRAME.resumed:
        return listener.resumed()
      case FRAME.failed:
        return listener.failed(decodeError(decoder))
      default:
        throw new RangeError(`The owner does not send frames of the kind ${decoder.kind}.`)
    }
  }
}

function whyNot(path: string, error: NodeJS.ErrnoException): LogError {
  const [code, why] =
    error.code === 'EACCES'
      ? (['unauthorized', 'this user may not open it'] as const)
      : ([
          'unreachable',
          error.code === 'ENOENT' || error.code === 'ECONNREFUSED' ? 'it is not running' : error.message,
        ] as const)
  return new LogError(code, `The owner of the log at ${path} cannot be reached: ${why}.`, { cause: error })
}

function gone(path: string): LogError {
  return new LogError('unreachable', `The connection to the owner of the log at ${path} has ended.`)
}

function silent(path: string): LogError {
  return new LogError('unreachable', `The owner of the log at ${path} has not answered in time.`)
}

function garbled(path: string, cause: unknown): LogError {
  return new LogError(
    'foreign',
    `What answers at ${path} is not the owner of a Tailrace log: ${String(cause)}`,
    {
      cause,
    },
  )
}
