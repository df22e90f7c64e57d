/** Bytes on their way to sinks, in each framing that a sink may need. Each is built once, no matter how many share it. */
export class Payload {
  readonly bytes: Uint8Array
  readonly #isShared: boolean
  #chunked: Uint8Array | undefined

  /** @param isShared - @defaultValue false: it is meant for one reader */
  constructor(bytes: Uint8Array, isShared = false) {
    this.bytes = bytes
    this.#isShared = isShared
  }

  /** It is meant for many readers, so what is derived from it is worth keeping for as long as it exists. */
  get isShared(): boolean {
    return this.#isShared
  }

  /** As one chunk of HTTP/1.1 (RFC 9112, section 7.1). */
  get chunked(): Uint8Array {
    this.#chunked ??= Buffer.concat([
      Buffer.from(`${this.bytes.length.toString(16)}\r\n`),
      this.bytes,
      Buffer.from('\r\n'),
    ])
    return this.#chunked
  }
}
