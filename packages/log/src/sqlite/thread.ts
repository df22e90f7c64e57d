import { MessageChannel, Worker } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import { LogError } from '../errors.ts'
import { revive, type PlainError } from '../plain-error.ts'

export interface ThreadData {
  readonly role: 'writer' | 'reader'
  readonly path: string
  /** The file that must be opened, if there was one before. */
  readonly inode?: number | undefined
}

/** Where a thread waits for calls, and is woken. */
export interface Line {
  readonly port: MessagePort
  /** Counts the calls: the thread sleeps in `Atomics.wait` until it changes. */
  readonly bell: Int32Array
}

export type Call = readonly [id: number, method: string, args: unknown[]]
export type Reply = readonly [id: number, value: unknown, error: PlainError | undefined]

interface Waiting {
  resolve(value: never): void
  reject(error: LogError): void
}

type Methods<T> = { [K in keyof T]: T[K] extends (...args: never[]) => unknown ? K : never }[keyof T]
type Arguments<T, K extends keyof T> = T[K] extends (...args: infer A) => unknown ? A : never
type Result<T, K extends keyof T> = T[K] extends (...args: never[]) => infer R ? R : never

/**
 * The methods of an engine on a worker thread, as promises. Calls are answered in order. The callers bound what is
 * waiting: the log sends as much as one commit may contain, and the hub a few reads.
 *
 * The thread has no event loop to run: it sleeps on a futex. To wake an event loop, and to dispatch a message in it,
 * costs several times as much.
 */
export class Thread<Engine extends object> {
  readonly #worker: Worker
  readonly #port: MessagePort
  readonly #bell = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  #death: LogError | undefined
  #isOpen = false

  private constructor(body: URL, data: ThreadData, onDeath: (error: LogError) => void) {
    const { port1, port2 } = new MessageChannel()
    const line: Line = { port: port2, bell: this.#bell }
    this.#worker = new Worker(body, { workerData: { ...data, ...line }, transferList: [port2], ...quiet() })
    this.#port = port1
    this.#port.on('message', (reply: Reply) => this.#settle(reply))
    const die = (cause: unknown): void => {
      if (this.#death !== undefined) return
      this.#port.close()
      this.#death = new LogError('unreachable', `The ${data.role} thread of the log ${data.path} has died.`, {
        cause,
      })
      const loss = data.role === 'writer' ? unknownOutcome(data.path, cause) : this.#death
      for (const { reject } of this.#waiting.values()) reject(loss)
      this.#waiting.clear()
      if (this.#isOpen) onDeath(this.#death)
    }
    this.#worker.on('error', die)
    this.#worker.on('exit', die)
  }

  static async start<Engine extends object>(
    body: URL,
    data: ThreadData,
    onDeath: (error: LogError) => void,
  ): Promise<Thread<Engine>> {
    const thread = new Thread<Engine>(body, data, onDeath)
    try {
      await thread.#send('open', [])
      thread.#isOpen = true
      return thread
    } catch (error) {
      await thread.stop()
      throw error
    }
  }

  call<K extends Methods<Engine> & string>(
    method: K,
    ...args: Arguments<Engine, K>
  ): Promise<Result<Engine, K>> {
    return this.#send(method, args)
  }

  async stop(): Promise<void> {
    await this.#worker.terminate()
  }

  #send<T>(method: string, args: unknown[]): Promise<T> {
    if (this.#death !== undefined) return Promise.reject(this.#death)
    this.#lastId += 1
    const id = this.#lastId
    return new Promise<T>((resolve, reject) => {
      this.#port.postMessage([id, method, args] satisfies Call)
      this.#waiting.set(id, { resolve, reject })
      Atomics.add(this.#bell, 0, 1)
      Atomics.notify(this.#bell, 0)
    })
  }

  #settle([id, value, error]: Reply): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) waiting?.resolve(value as never)
    else waiting?.reject(revive(error))
  }
}

/**
 * Node 22 warns in each thread that its SQLite is experimental. A process with its own flags keeps the warning: the
 * flags would have to be repeated here, and a worker refuses some of them. Deno refuses this one.
 */
function quiet(): { readonly execArgv?: string[] } {
  const isSet = process.execArgv.length > 0 || 'deno' in process.versions
  return isSet ? {} : { execArgv: ['--disable-warning=ExperimentalWarning'] }
}

/** The thread died before it said whether a request was done. */
function unknownOutcome(path: string, cause: unknown): LogError {
  return new LogError(
    'outcome-unknown',
    `The writer thread of the log ${path} died before it answered: what it was asked to write may be stored.`,
    { cause },
  )
}
