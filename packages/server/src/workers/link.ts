import { packError, unpackError } from './packed-error.ts'
import type { PackedError } from './packed-error.ts'

/** The functions that one side of a link calls on the other. */
export type Calls<T> = { readonly [Name in keyof T]: (...args: never[]) => unknown }

/** What is sent over a link. Those of one turn of the event loop are sent together. */
type Message =
  | { readonly tell: string; readonly args: readonly unknown[] }
  | { readonly ask: string; readonly args: readonly unknown[]; readonly id: number }
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: PackedError }

/** A process at the other end of an IPC channel of Node: a child, or the parent. */
interface Port {
  readonly connected?: boolean
  send?(messages: readonly Message[], callback: (error: Error | null) => void): boolean
  on(event: 'message', receive: (messages: unknown) => void): unknown
  on(event: 'disconnect', close: () => void): unknown
}

type Handlers = Readonly<Record<string, (...args: unknown[]) => unknown>>

interface Question {
  resolve(value: unknown): void
  reject(error: unknown): void
}

/** One end of the channel between the supervisor and one of its children. */
export class Link<Theirs extends Calls<Theirs>> {
  readonly #port: Port
  readonly #calls: Handlers
  readonly #questions = new Map<number, Question>()
  #outbox: Message[] = []
  #asked = 0
  /** How many messages have arrived. */
  heard = 0

  /** @param calls - answers the other side */
  constructor(port: Port, calls: object) {
    this.#port = port
    this.#calls = calls as Handlers
    port.on('message', (messages) => {
      for (const message of messages as readonly Message[]) this.#receive(message)
    })
    port.on('disconnect', () => this.#close())
  }

  /** Calls the other side, and does not wait for a result. */
  tell<Name extends keyof Theirs & string>(name: Name, ...args: Parameters<Theirs[Name]>): void {
    this.#post({ tell: name, args })
  }

  /** Rejects with the error of the other side, or if it ends before it answers. */
  ask<Name extends keyof Theirs & string>(
    name: Name,
    ...args: Parameters<Theirs[Name]>
  ): Promise<Awaited<ReturnType<Theirs[Name]>>> {
    this.#asked += 1
    const id = this.#asked
    return new Promise((resolve, reject) => {
      this.#questions.set(id, { resolve, reject })
      this.#post({ ask: name, args, id })
    })
  }

  /** Resolves once everything was handed over. */
  async flush(): Promise<void> {
    await new Promise((resolve) => {
      this.#send(resolve)
    })
  }

  #post(message: Message): void {
    this.#outbox.push(message)
    if (this.#outbox.length === 1) setImmediate(() => this.#send(() => undefined))
  }

  #send(sent: (error: Error | null) => void): void {
    const messages = this.#outbox
    this.#outbox = []
    if (this.#port.connected !== true) this.#close()
    // The other side may be gone, of which the port tells by itself.
    else this.#port.send!(messages, sent)
  }

  #receive(message: Message): void {
    this.heard += 1
    if ('tell' in message) this.#calls[message.tell]!(...message.args)
    else if ('ask' in message) void this.#answer(message.id, message.ask, message.args)
    else {
      const question = this.#questions.get(message.id)
      this.#questions.delete(message.id)
      if ('error' in message) question?.reject(unpackError(message.error))
      else question?.resolve(message.value)
    }
  }

  async #answer(id: number, name: string, args: readonly unknown[]): Promise<void> {
    try {
      this.#post({ id, value: await this.#calls[name]!(...args) })
    } catch (error) {
      this.#post({ id, error: packError(error) })
    }
  }

  #close(): void {
    const questions = [...this.#questions.values()]
    this.#questions.clear()
    for (const { reject } of questions) reject(new LinkClosed())
  }
}

/** The process at the other end is gone. */
export class LinkClosed extends Error {
  override readonly name = 'LinkClosed'

  constructor() {
    super('the process at the other end is gone')
  }
}
