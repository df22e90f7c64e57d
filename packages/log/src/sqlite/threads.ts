import { LogError } from '../errors.ts'
import { inodeOf } from './inode.ts'
import type { Reader } from './reader.ts'
import { Thread } from './thread.ts'
import type { Writer } from './writer.ts'

/** How long after the death of a thread a new one is tried. */
const REVIVE_MS = 500

interface Slots {
  writer: Thread<Writer> | undefined
  reader: Thread<Reader> | undefined
}

type Role = keyof Slots

/** The threads of a log, as long as it is open. A thread that dies (for example of a full heap) is replaced. */
export class Threads {
  readonly #path: string
  readonly #onRevival: (role: Role) => Promise<void>
  readonly #slots: Slots = { writer: undefined, reader: undefined }
  readonly #timers = new Map<Role, NodeJS.Timeout>()
  /** The file that the first writer opened. Its successors must find the same one. */
  #inode: number | undefined
  /** Threads that are being started. */
  readonly #filling = new Set<Promise<void>>()
  #isClosed = false

  private constructor(path: string, onRevival: (role: Role) => Promise<void>) {
    this.#path = path
    this.#onRevival = onRevival
  }

  /**
   * @param onRevival - completes what a thread that died could not report; the new thread is used once this
   * resolves. Until then, `writer` and `reader` do not return it
   * @throws LogError as the engine does
   */
  static async start(path: string, onRevival: (role: Role) => Promise<void>): Promise<Threads> {
    const threads = new Threads(path, onRevival)
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
  get writer(): Thread<Writer> {
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
    const thread = await Thread.start<Writer & Reader>(data, () => this.#replace(role))
    try {
      await prepare()
      if (this.#isClosed) throw new LogError('closed', `The log ${this.#path} is closed.`)
    } catch (error) {
      await thread.stop()
      throw error
    }
    this.#slots[role] = thread as never
  }

  #replace(role: Role): void {
    this.#slots[role] = undefined
    if (this.#isClosed || this.#timers.has(role)) return
    const replace = (): void => {
      this.#timers.delete(role)
      const filling = this.#fill(role, () => this.#onRevival(role))
        .catch(() => this.#replace(role))
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
