import type { Appended, NewEvent } from '@tailrace/log'
import type { ResolvedHubOptions } from '../options.ts'
import { persistently } from '../persistently.ts'
import type { WritingMemory } from './writing-memory.ts'

/** Beyond this, a writer has no room: its producer should wait. In bytes, as counted by {@link costOf}. */
const ROOM_BYTES = 1024 * 1024
/** Beyond this, nothing more is accepted from a producer that does not wait. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024
/** What one append contains at most, unless a single event is larger: every engine accepts as much. */
const MAX_APPEND_BYTES = 256 * 1024
const MAX_APPEND_EVENTS = 1_000
/** The largest number of bytes of UTF-8 for one UTF-16 code unit. */
const BYTES_A_UNIT = 3
/** What an event costs in addition to its data. */
const EVENT_OVERHEAD = 256

/** One promise for all that need not wait. */
const DONE: Promise<void> = Promise.resolve()

export interface WriteQueueOptions {
  readonly limits: Pick<ResolvedHubOptions, 'maxBatchBytes' | 'maxBatchEvents'>
  readonly memory: WritingMemory
  append(batch: readonly NewEvent[]): Promise<readonly Appended[]>
  /** Whether an append that failed with this error may succeed later. */
  canRetry(error: unknown): boolean
  /** Called once for an append that is repeated until it succeeds. */
  delayed(error: unknown): void
  /** Called when an append failed, and what is waiting will never be stored. */
  failed(error: unknown): void
}

interface Settle {
  resolve(): void
  reject(reason: unknown): void
}

interface Waiter extends Settle {
  /** How many events must have been stored. */
  readonly count: number
}

/** The promise of room for all writes that found none. */
interface Room extends Settle {
  readonly promise: Promise<void>
}

/**
 * Appends the events of one stream, in order. The first goes out at once; whatever is added while an append is under way
 * goes out together in the next one. An append that fails is repeated for as long as it may succeed. Each event has an
 * idempotency key, so that a repeat stores nothing twice. To read what was stored would not do: an append whose outcome is
 * unknown may still be on its way to the engine.
 */
export class WriteQueue {
  readonly #options: WriteQueueOptions
  readonly #maxBytes: number
  readonly #maxEvents: number
  #waiting: NewEvent[] = []
  #bytes = 0
  #added = 0
  #stored = 0
  #newest = 0
  #isOpen = false
  #isAppending = false
  #run: Promise<void> = DONE
  readonly #stopping = new AbortController()
  #waiters: Waiter[] = []
  #room: Room | undefined
  readonly #offerRoom = (): void => this.#offer()

  constructor(options: WriteQueueOptions) {
    const { maxBatchBytes, maxBatchEvents } = options.limits
    this.#options = options
    this.#maxBytes = Math.min(MAX_APPEND_BYTES, Math.floor(maxBatchBytes / BYTES_A_UNIT))
    this.#maxEvents = Math.min(MAX_APPEND_EVENTS, maxBatchEvents)
  }

  /** Nothing may be added: too much is waiting, here or in all queues together. */
  get isFull(): boolean {
    return this.#bytes >= MAX_WAITING_BYTES || this.#options.memory.isExhausted
  }

  /** The offset of the newest event that was stored. */
  get newest(): number {
    return this.#newest
  }

  /** From now on, events are appended. */
  open(): void {
    this.#isOpen = true
    this.#start()
  }

  add(event: NewEvent): void {
    this.#waiting.push(event)
    this.#hold(costOf(event))
    this.#added += 1
    this.#start()
  }

  /** Resolves when there is room for more. */
  room(): Promise<void> {
    if (this.#hasRoom) return DONE
    this.#room ??= createRoom()
    this.#options.memory.wait(this.#offerRoom)
    return this.#room.promise
  }

  /** Resolves when everything that was added so far is stored. */
  stored(): Promise<void> {
    if (this.#stored === this.#added) return DONE
    return new Promise((resolve, reject) => {
      this.#waiters.push({ count: this.#added, resolve, reject })
    })
  }

  /** Drops what is waiting. An append that is under way continues. Whoever waits for what was dropped receives the reason. */
  drop(reason: unknown): void {
    const dropped = this.#waiting
    const waiters = this.#waiters
    const room = this.#room
    this.#waiting = []
    this.#waiters = []
    this.#room = undefined
    this.#options.memory.forget(this.#offerRoom)
    this.#added -= dropped.length
    this.#release(dropped)
    for (const { reject } of waiters) reject(reason)
    room?.reject(reason)
  }

  /** Drops what is waiting, and repeats no append from now on. */
  stop(reason: unknown): void {
    this.#stopping.abort()
    this.drop(reason)
  }

  /** Resolves when no append is under way. */
  settled(): Promise<void> {
    return this.#run
  }

  #start(): void {
    if (this.#isOpen && !this.#isAppending && !this.#stopping.signal.aborted) this.#run = this.#appendAll()
  }

  async #appendAll(): Promise<void> {
    this.#isAppending = true
    while (this.#waiting.length > 0 && !this.#stopping.signal.aborted) {
      const batch = this.#take()
      try {
        const appended = await this.#append(batch)
        if (appended === undefined) return
        this.#newest = appended.at(-1)!.offset
        this.#stored += batch.length
      } catch (error) {
        this.#options.failed(error)
        return
      } finally {
        this.#release(batch)
      }
      while (this.#waiters.length > 0 && this.#waiters[0]!.count <= this.#stored)
        this.#waiters.shift()!.resolve()
    }
    this.#isAppending = false
  }

  #take(): NewEvent[] {
    let bytes = 0
    const full = this.#waiting.findIndex((event, i) => {
      bytes += costOf(event)
      return i > 0 && (bytes > this.#maxBytes || i === this.#maxEvents)
    })
    if (full !== -1) return this.#waiting.splice(0, full)
    const all = this.#waiting
    this.#waiting = []
    return all
  }

  /** @returns undefined if it was stopped */
  #append(batch: readonly NewEvent[]): Promise<readonly Appended[] | undefined> {
    const { append, canRetry, delayed } = this.#options
    let isRepeated = false
    const mayPass = (error: unknown): boolean => {
      if (!canRetry(error)) return false
      if (!isRepeated) delayed(error)
      isRepeated = true
      return true
    }
    return persistently(() => append(batch), mayPass, this.#stopping.signal)
  }

  get #hasRoom(): boolean {
    return this.#bytes < ROOM_BYTES && this.#options.memory.hasRoom
  }

  #hold(bytes: number): void {
    this.#bytes += bytes
    this.#options.memory.take(bytes)
  }

  #release(events: readonly NewEvent[]): void {
    this.#hold(-events.reduce((sum, event) => sum + costOf(event), 0))
    this.#offer()
  }

  #offer(): void {
    if (this.#room === undefined) return
    if (!this.#hasRoom) {
      this.#options.memory.wait(this.#offerRoom)
      return
    }
    this.#room.resolve()
    this.#room = undefined
    this.#options.memory.forget(this.#offerRoom)
  }
}

function createRoom(): Room {
  let settle: Settle
  const promise = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject }
  })
  // A producer need not wait for room.
  promise.catch(() => undefined)
  return { promise, ...settle! }
}

function costOf({ data }: NewEvent): number {
  return data.length + EVENT_OVERHEAD
}
