const FIRST_BYTES = 4 * 1024
/** The buffer is kept from frame to frame until it is larger. Fresh memory costs more than a copy. */
const MAX_KEPT_BYTES = 2 ** 20
/** Up to this length, space is made for the worst case, because counting the bytes of a text costs more than writing it. */
const LONG_TEXT = 128 * 1024
/** Length and kind. */
const HEAD_BYTES = 5

/** Writes one frame after the other. */
export class Encoder {
  #buffer: Buffer = Buffer.allocUnsafe(FIRST_BYTES)
  #view: DataView = viewOf(this.#buffer)
  #at = HEAD_BYTES

  /** The number of bytes in the body of the frame. */
  get length(): number {
    return this.#at - HEAD_BYTES
  }

  u8(value: number): void {
    this.#reserve(1)
    this.#buffer[this.#at] = value
    this.#at += 1
  }

  u32(value: number): void {
    this.#reserve(4)
    this.#view.setUint32(this.#at, value, true)
    this.#at += 4
  }

  f64(value: number): void {
    this.#reserve(8)
    this.#view.setFloat64(this.#at, value, true)
    this.#at += 8
  }

  text(value: string): void {
    this.#reserve(4 + (value.length > LONG_TEXT ? Buffer.byteLength(value) : 3 * value.length))
    const written = this.#buffer.write(value, this.#at + 4)
    this.#view.setUint32(this.#at, written, true)
    this.#at += 4 + written
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length)
    this.#buffer.set(value, this.#at)
    this.#at += value.length
  }

  /** Removes what is behind a length that the body had before. */
  truncate(length: number): void {
    this.#at = HEAD_BYTES + length
    if (length === 0) this.#shrink()
  }

  /** Completes the frame, and begins the next one. */
  finish(kind: number): Buffer {
    const end = this.#at
    this.#view.setUint32(0, end - 4, true)
    this.#buffer[4] = kind
    this.#at = HEAD_BYTES
    if (this.#buffer.length <= MAX_KEPT_BYTES) return Buffer.from(this.#buffer.subarray(0, end))
    const frame = this.#buffer.subarray(0, end)
    this.#shrink()
    return frame
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes > this.#buffer.length) {
      this.#resize(Math.max(2 * this.#buffer.length, this.#at + bytes))
    }
  }

  #shrink(): void {
    if (this.#buffer.length > MAX_KEPT_BYTES) this.#resize(FIRST_BYTES)
  }

  #resize(bytes: number): void {
    const buffer = Buffer.allocUnsafe(bytes)
    this.#buffer.copy(buffer, 0, 0, this.#at)
    this.#buffer = buffer
    this.#view = viewOf(buffer)
  }
}

function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length)
}
