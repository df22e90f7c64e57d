import { deserialize, serialize } from 'node:v8'
import { LogError } from '@tailrace/log'

import type { Decoder } from '../protocol/decoder.ts'
import { Encoder } from '../protocol/encoder.ts'
import { decodeStored } from '../protocol/events.ts'
import { WRITES, type Arguments, type Method, type Result } from '../protocol/methods.ts'
import type { Outbox } from '../protocol/outbox.ts'
import { FRAME } from '../protocol/protocol.ts'
import { decodeError } from '../protocol/results.ts'

/** Maximum calls that wait for their result. */
const MAX_CALLS = 10_000

interface Waiting {
  readonly method: Method
  resolve(result: never): void
  reject(error: LogError): void
}

/** The calls of one connection, apart from batches. */
export class Calls {
  readonly #outbox: Outbox
  readonly #encoder = new Encoder()
  readonly #waiting = new Map<number, Waiting>()
  #last = 0

  constructor(outbox: Outbox) {
    this.#outbox = outbox
  }

  /** @throws LogError */
  call<M extends Method>(method: M, args: Arguments<M>): Promise<Result<M>> {
    return new Promise<Result<M>>((resolve, reject) => {
      if (this.#waiting.size >= MAX_CALLS) {
        throw new LogError('busy', 'Too many calls are waiting for the owner of the log: try again later.', {
          details: { waiting: MAX_CALLS },
        })
      }
      this.#last += 1
      this.#waiting.set(this.#last, { method, resolve, reject })
      this.#encoder.f64(this.#last)
      this.#encoder.bytes(serialize([method, ...args]))
      this.#outbox.send(this.#encoder.finish(FRAME.call))
    })
  }

  answer(decoder: Decoder): void {
    this.#settle(decoder).resolve(deserialize(decoder.rest()) as never)
  }

  page(decoder: Decoder): void {
    const { resolve } = this.#settle(decoder)
    const page: Result<'read'> = {
      next: decoder.f64(),
      more: decoder.u8() === 1,
      lostThrough: decoder.f64(),
      losses: decoder.f64(),
      events: decodeStored(decoder),
    }
    resolve(page as never)
  }

  reject(decoder: Decoder): void {
    this.#settle(decoder).reject(decodeError(decoder))
  }

  /** Rejects everything. */
  lose(unread: LogError, unknown: LogError): void {
    for (const { method, reject } of this.#waiting.values()) reject(WRITES.has(method) ? unknown : unread)
    this.#waiting.clear()
  }

  #settle(decoder: Decoder): Waiting {
    const id = decoder.f64()
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) throw new RangeError('A call was answered that is not waiting.')
    this.#waiting.delete(id)
    return waiting
  }
}
