/** The end of a head. */
const END = Buffer.from('\r\n\r\n')
const LEAST_CAPACITY = 256
const NOTHING = Buffer.alloc(0)

/**
 * Collects a head as it arrives. Each byte is scanned once and copied a bounded number of times, no matter in how many
 * packets the head arrives.
 */
export class HeadBuffer {
  /** The first chunk as it arrived; from the second chunk on, a copy that doubles when it is full. */
  #bytes: Buffer = NOTHING
  #length = 0
  /** Up to where the empty line that ends a head was searched for. */
  #searched = 0
  /** Where what follows the head begins. */
  #end: number | undefined

  add(chunk: Buffer): void {
    const length = this.#length + chunk.length
    if (this.#length === 0) {
      this.#bytes = chunk
    } else {
      if (length > this.#bytes.length) {
        const grown = Buffer.allocUnsafeSlow(Math.max(LEAST_CAPACITY, 2 * length))
        this.#bytes.copy(grown, 0, 0, this.#length)
        this.#bytes = grown
      }
      chunk.copy(this.#bytes, this.#length)
    }
    this.#length = length
    if (this.#end !== undefined) return
    // By the native search: a loop over the bytes takes ten times as long, and a client can send many.
    const at = this.bytes.indexOf(END, this.#searched)
    if (at !== -1) this.#end = at + END.length
    // The line may be cut in two.
    this.#searched = Math.max(0, length - END.length + 1)
  }

  /** For the next request of the connection. */
  clear(): void {
    this.#bytes = NOTHING
    this.#length = 0
    this.#searched = 0
    this.#end = undefined
  }

  /** The length of the head with the empty line that ends it. Undefined until that has arrived. */
  get end(): number | undefined {
    return this.#end
  }

  get isEmpty(): boolean {
    return this.#length === 0
  }

  /** Everything that has arrived. */
  get bytes(): Buffer {
    return this.#length === this.#bytes.length ? this.#bytes : this.#bytes.subarray(0, this.#length)
  }
}
