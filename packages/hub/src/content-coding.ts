import type { Holder } from './budget.ts'
import type { Sink } from './sink.ts'

/** A way to encode whole streams, such as compression (RFC 9110, section 8.4.1). */
export interface ContentCoding {
  /** Its name in `Content-Encoding`. */
  readonly name: string
  /**
   * Begins what the readers of one lane share.
   *
   * @param onHeld - called when the memory that it holds has changed. It may be evicted by this call
   */
  open(onHeld: () => void): SharedCoding
}

/** What the encoded streams of one lane have in common. The memory that it holds is bounded, and can be evicted. */
export interface SharedCoding extends Holder {
  /**
   * A sink that encodes what is written to it. A payload is encoded once for all readers that have received the same
   * before it.
   */
  encode(sink: Sink): Sink
}
