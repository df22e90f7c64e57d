/** Reads the body of a frame. Throws a RangeError if that is shorter than it claims to be. */
export class Decoder {
  readonly kind: number
  readonly #frame: Buffer
  readonly #view: DataView
  #at = 1

  /** @param frame - without its length */
  constructor(frame: Buffer) {
    this.#frame = frame
    this.#view = new DataView(frame.buffer, frame.byteOffset, frame.length)
    this.kind = this.#view.getUint8(0)
  }

  get isAtEnd(): boolean {
    return this.#at === this.#frame.length
  }

  u8(): number {
    return this.#view.getUint8(this.#pass(1))
  }

  u32(): number {
    return this.#view.getUint32(this.#pass(4), true)
  }

  f64(): number {
    return this.#view.getFloat64(this.#pass(8), true)
  }

  text(): string {
    const length = this.u32()
    const start = this.#at
    const end = start + length
    if (end > this.#frame.length)
      throw new RangeError(`A text of ${length} bytes is behind the end of its frame.`)
    this.#at = end
    return this.#frame.toString('utf8', start, end)
  }

  /** Everything that is left. */
  rest(): Buffer {
    const rest = this.#frame.subarray(this.#at)
    this.#at = this.#frame.length
    return rest
  }

  #pass(bytes: number): number {
    const at = this.#at
    this.#at = at + bytes
    return at
  }
}
