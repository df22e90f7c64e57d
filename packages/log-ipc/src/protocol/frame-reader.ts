const LENGTH_BYTES = 4
const NOTHING = Buffer.alloc(0)

/** Finds the frames in the bytes of a connection. */
export class FrameReader {
  #current: Buffer = NOTHING
  #at = 0
  /** What has arrived since. It is joined once a frame is complete, so that a large one is copied once. */
  #later: Buffer[] = []
  #laterBytes = 0

  push(chunk: Buffer): void {
    if (this.#laterBytes === 0 && this.#at === this.#current.length) {
      this.#current = chunk
      this.#at = 0
      return
    }
    this.#later.push(chunk)
    this.#laterBytes += chunk.length
  }

  /** The next frame, without its length. Undefined until it is complete. @throws RangeError if it is too large, or empty */
  next(maxBytes: number): Buffer | undefined {
    if (!this.#has(LENGTH_BYTES)) return undefined
    const length = this.#current.readUInt32LE(this.#at)
    if (length === 0 || length > maxBytes) {
      throw new RangeError(`A frame of ${length} bytes was announced; the limit is ${maxBytes}.`)
    }
    if (!this.#has(LENGTH_BYTES + length)) return undefined
    const start = this.#at + LENGTH_BYTES
    this.#at = start + length
    return this.#current.subarray(start, this.#at)
  }

  #has(bytes: number): boolean {
    const left = this.#current.length - this.#at
    if (left >= bytes) return true
    if (left + this.#laterBytes < bytes) return false
    this.#current = Buffer.concat([this.#current.subarray(this.#at), ...this.#later])
    this.#at = 0
    this.#later = []
    this.#laterBytes = 0
    return true
  }
}
