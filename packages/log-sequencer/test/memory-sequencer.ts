import { randomUUID } from 'node:crypto'
import { LogError } from '@tailrace/log'
import type { ConnectSequencer, Consumer, SequencedRecord, Sequencer } from '../src/sequencer.ts'

export interface MemorySequenceOptions {
  readonly maxRecordBytes?: number | undefined
  /** Records are stored, and reported, some iterations of the event loop later. @defaultValue false */
  readonly isLate?: boolean | undefined
}

/** How one node reaches a memory sequence. */
export interface MemoryLink {
  readonly connect: ConnectSequencer
  /** Cuts the connection, and refuses others until `restore`. */
  interrupt(): void
  restore(): void
}

const UNREACHABLE = 'The sequencer cannot be reached: the test has cut it off.'

/** An engine in memory that can only put records in one order, for any number of nodes. */
export class MemorySequence {
  identity: string = randomUUID()
  readonly records: SequencedRecord[] = []
  newest = 0
  /** Each record is stored twice, as after the retry of a producer. */
  storesTwice = false
  /** While this is pending, no records are reported. */
  gate: Promise<unknown> = Promise.resolve()
  readonly #options: MemorySequenceOptions
  readonly #connections = new Set<Connection>()

  constructor(options: MemorySequenceOptions = {}) {
    this.#options = options
  }

  get oldest(): number {
    return this.records[0]?.position ?? this.newest + 1
  }

  link(): MemoryLink {
    let isCut = false
    let connection: Connection | undefined
    return {
      connect: async () => {
        await this.#pause()
        if (isCut) throw new LogError('unreachable', UNREACHABLE)
        connection = new Connection(this, this.#options, () => this.#connections.delete(connection!))
        this.#connections.add(connection)
        return connection
      },
      interrupt() {
        isCut = true
        connection?.lose()
      },
      restore() {
        isCut = false
      },
    }
  }

  append(bytes: Uint8Array): number {
    this.newest += 1
    this.records.push({ position: this.newest, time: Date.now(), bytes })
    for (const connection of this.#connections) connection.wake()
    return this.newest
  }

  trim(through: number): void {
    while (this.records.length > 0 && this.records[0]!.position <= through) this.records.shift()
  }

  /** Forgets the newest records, and gives their positions to others. */
  rewind(count: number): void {
    this.records.splice(-count)
    this.newest = this.records.at(-1)?.position ?? 0
    this.cut()
  }

  /** Becomes another, empty sequence. */
  replace(): void {
    this.identity = randomUUID()
    this.records.length = 0
    this.newest = 0
    this.cut()
  }

  /** Cuts every connection, once. */
  cut(): void {
    for (const connection of this.#connections) connection.lose()
  }

  async #pause(): Promise<void> {
    if (this.#options.isLate === true) await new Promise((resolve) => setImmediate(resolve))
  }
}

class Connection implements Sequencer {
  readonly lost: Promise<LogError>
  readonly #sequence: MemorySequence
  readonly #options: MemorySequenceOptions
  readonly #leave: () => void
  #resolveLost!: (reason: LogError) => void
  #isLost = false
  #wake: (() => void) | undefined
  #appending: Promise<unknown> = Promise.resolve()

  constructor(sequence: MemorySequence, options: MemorySequenceOptions, leave: () => void) {
    this.#sequence = sequence
    this.#options = options
    this.#leave = leave
    this.lost = new Promise((resolve) => {
      this.#resolveLost = resolve
    })
  }

  lose(): void {
    this.#isLost = true
    this.#leave()
    this.#wake?.()
    this.#resolveLost(new LogError('unreachable', UNREACHABLE))
  }

  wake(): void {
    this.#wake?.()
  }

  append(bytes: Uint8Array): Promise<number> {
    const appended = this.#appending.then(async () => {
      await this.#travel()
      if (this.#isLost) throw new LogError('unreachable', UNREACHABLE)
      const position = this.#sequence.append(bytes)
      if (this.#sequence.storesTwice) this.#sequence.append(bytes)
      return position
    })
    this.#appending = appended.catch(() => undefined)
    return appended.then(async (position) => {
      await this.#travel()
      if (this.#isLost) throw new LogError('outcome-unknown', UNREACHABLE)
      return position
    })
  }

  async consume(after: number, consumer: Consumer): Promise<{ stop(): Promise<void> }> {
    const stopped = new AbortController()
    const run = async (): Promise<void> => {
      for (let last = after; !stopped.signal.aborted && !this.#isLost;) {
        const { records } = this.#sequence
        const first = firstAfter(records, last)
        const next = records.slice(first, first + 1_000)
        await this.#travel()
        if (stopped.signal.aborted || this.#isLost) return
        if (next.length > 0) {
          await this.#sequence.gate
          await consumer.records(next)
          last = next.at(-1)!.position
        } else if (last >= this.#sequence.newest) {
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
        } else {
          last = Math.max(last, this.#sequence.oldest - 1)
        }
      }
    }
    void run()
    return {
      stop: async () => {
        stopped.abort()
        this.#wake?.()
      },
    }
  }

  async describe(): Promise<Awaited<ReturnType<Sequencer['describe']>>> {
    await this.#travel()
    if (this.#isLost) throw new LogError('unreachable', UNREACHABLE)
    const { identity, oldest, newest } = this.#sequence
    return { identity, oldest, newest, maxRecordBytes: this.#options.maxRecordBytes ?? 2 ** 26 }
  }

  async trim(through: number): Promise<void> {
    await this.#travel()
    if (this.#isLost) throw new LogError('unreachable', UNREACHABLE)
    this.#sequence.trim(through)
  }

  async close(): Promise<void> {
    this.lose()
  }

  async #travel(): Promise<void> {
    if (this.#options.isLate === true) await new Promise((resolve) => setImmediate(resolve))
  }
}

function firstAfter(records: readonly SequencedRecord[], position: number): number {
  let [low, high] = [0, records.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (records[middle]!.position > position) high = middle
    else low = middle + 1
  }
  return low
}
