import type { Socket } from 'node:net'

/** Up to this size, frames of one turn are joined, which is cheaper than a vector of them. */
const MAX_JOINED_BYTES = 16 * 1024
/** What waits for the end of the turn is written at once when it reaches this size. */
const MAX_WAITING_BYTES = 64 * 1024

/** Writes the frames of one turn of the event loop together: all that is due to what has arrived from anybody. */
export class Outbox {
  readonly #socket: Socket
  readonly #collect: () => Buffer | undefined
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #isScheduled = false

  /** @param collect - returns one more frame at the end of the turn, if anything was collected for it */
  constructor(socket: Socket, collect: () => Buffer | undefined) {
    this.#socket = socket
    this.#collect = collect
  }

  /** What was written, and has not been accepted by the other end. */
  get queuedBytes(): number {
    return this.#socket.writableLength
  }

  send(frame: Buffer): void {
    this.#waiting.push(frame)
    this.#waitingBytes += frame.length
    if (this.#waitingBytes >= MAX_WAITING_BYTES) this.#write()
    else this.wake()
  }

  /** Something was collected. */
  wake(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.flush()
    })
  }

  /** Writes everything now. */
  flush(): void {
    const last = this.#collect()
    if (last !== undefined) {
      this.#waiting.push(last)
      this.#waitingBytes += last.length
    }
    this.#write()
  }

  /** Resolves once the other end has accepted everything, or the socket is closed. */
  async drained(): Promise<void> {
    this.#write()
    if (!this.#socket.writableNeedDrain) return
    await new Promise<void>((resolve) => {
      const end = (): void => {
        this.#socket.off('drain', end)
        this.#socket.off('close', end)
        resolve()
      }
      this.#socket.on('drain', end)
      this.#socket.on('close', end)
    })
  }

  #write(): void {
    const frames = this.#waiting
    if (frames.length === 0) return
    const bytes = this.#waitingBytes
    this.#waiting = []
    this.#waitingBytes = 0
    if (this.#socket.destroyed) return
    if (frames.length === 1) {
      this.#socket.write(frames[0]!)
    } else if (bytes <= MAX_JOINED_BYTES) {
      this.#socket.write(Buffer.concat(frames, bytes))
    } else {
      this.#socket.cork()
      for (const frame of frames) this.#socket.write(frame)
      this.#socket.uncork()
    }
  }
}
