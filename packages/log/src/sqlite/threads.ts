import { LogError } from '../errors.ts'
import { inodeOf } from './inode.ts'
import type { Reader } from './reader.ts'
import { Thread } from './thread.ts'
import type { ThreadData } from './thread.ts'

/** How long after the death of a thread a new one is tried. */
const REVIVE_MS = 500

interface Slots<W extends object> {
  writer: Thread<W> | undefined
  reader: Thread<Reader> | undefined
}

type Role = ThreadData['role']

export interface ThreadsListener {
  /** A thread has died. */
  died(reason: LogError): void
  /**
   * Completes what a thread that died could not report. Its successor is used once this resolves; until then,
   * `writer` and `reader` do not return it.
   */
  revived(role: Role): Promise<void>
  /** Every thread is running. */
  complete(): void
}

/** The threads of a log, as long as it is open. A thread that dies (for example of a full heap) is replaced. */
export class Threads<W extends object> {
  readonly #body: URL
  readonly #path: string
  readonly #listener: ThreadsListener
  readonly #slots: Slots<W> = { writer: undefined, reader: undefined }
  readonly #timers = new Map<Role, NodeJS.Timeout>()
  /** The file that the first writer opened. Its successors must find the same one. */
  #inode: number | undefined
  /** Threads that are being started. */
  readonly #filling = new Set<Promise<void>>()
  #isClosed = false

  private constructor(body: URL, path: string, listener: ThreadsListener) {
    this.#body = body
    this.#path = path
    this.#listener = listener
  }

  /** @param body - the file that calls `serve` @throws LogError as the engine does */
  static async start<W extends object>(
    body: URL,
    path: string,
    listener: ThreadsListener,
  ): Promise<Threads<W>> {
    const threads = new Threads<W>(body, path, listener)
    try {
      await threads.#fill('writer')
      threads.#inode = inodeOf(path)
      await threads.#fill('reader')
      return threads
    } catch (error) {
      await threads.close()
      throw error
    }
  }

  /** @throws LogError `unreachable` between the death of a thread and the start of its successor */
  get writer(): Thread<W> {
    return this.#slots.writer ?? this.#missing('writer')
  }

  get reader(): Thread<Reader> {
    return this.#slots.reader ?? this.#missing('reader')
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const timer of this.#timers.values()) clearTimeout(timer)
    await Promise.allSettled(this.#filling)
    // One at a time: the last connection to close folds the write-ahead log into the file.
    for (const thread of [this.#slots.reader, this.#slots.writer]) {
      await thread?.call('close').catch(() => undefined)
      await thread?.stop()
    }
  }

  async #fill(role: Role, prepare: () => Promise<void> = async () => {}): Promise<void> {
    const data = { role, path: this.#path, inode: this.#inode }
    const thread = await Thread.start<object>(this.#body, data, (reason) => this.#replace(role, reason))
    try {
      await prepare()
      if (this.#isClosed) throw new LogError('closed', `The log ${this.#path} is closed.`)
    } catch (error) {
      await thread.stop()
      throw error
    }
    this.#slots[role] = thread as never
    if (this.#slots.writer !== undefined && this.#slots.reader !== undefined) this.#listener.complete()
  }

  #replace(role: Role, reason: LogError): void {
    this.#slots[role] = undefined
    if (this.#isClosed) return
    this.#listener.died(reason)
    if (this.#timers.has(role)) return
    const replace = (): void => {
      this.#timers.delete(role)
      const filling = this.#fill(role, () => this.#listener.revived(role))
        .catch((error: LogError) => this.#replace(role, error))
        .finally(() => this.#filling.delete(filling))
      this.#filling.add(filling)
    }
    this.#timers.set(role, setTimeout(replace, REVIVE_MS))
  }

  #missing(role: Role): never {
    throw new LogError(
      'unreachable',
      `The ${role} thread of the log ${this.#path} has died: a new one is starting.`,
    )
  }
}
