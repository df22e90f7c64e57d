import type { Payload, SharedCoding, Sink } from '@tailrace/hub'
import { Block, NOTHING, Past, UNKNOWN } from './block.ts'
import type { BlockSource } from './block.ts'
import { deflated, stored } from './deflate.ts'
import type { Effort } from './effort.ts'
import { GzipSink } from './gzip-sink.ts'

/** How far back a block may refer. Deflate allows 32 KiB; less is nearly as good, and each lane holds that much. */
const MAX_TAIL_BYTES = 16 * 1024
/** How many more tails a lane holds. On a busy lane, readers are at a few different places at any time. */
const MAX_OTHER_TAILS = 5
/** Into how many blocks a payload is compressed at most at a time, one for each past of its readers. */
const MAX_BLOCKS = 4
/** A shorter payload is not enough for the next block to refer to. */
const MIN_COMMON_BYTES = 16

/** What a payload was compressed into. */
interface Encoded {
  /** The past of readers that have nothing in common but this payload. */
  common: Past | undefined
  /** By the past of their readers. */
  readonly blocks: Map<Past, Block>
}

/**
 * The gzip streams of the readers of a lane. A block of deflate depends on nothing but what precedes it in its stream,
 * and readers that receive the same events have received the same for a while. So they share each block, which may refer
 * to as much as they have in common. A reader that arrives receives one payload in a block that refers to nothing. After
 * that, it has this payload in common with all others, and the next block refers to it.
 */
export class SharedGzip implements SharedCoding, BlockSource {
  readonly #effort: Pick<Effort, 'take'>
  readonly #onHeld: () => void
  /** The past of the readers that have received everything since a payload that all readers received. */
  #main: Past = UNKNOWN
  /** Others have less in common with them. The next payload brings all together. */
  #isScattered = false
  #readers = 0
  /** The pasts whose tails are held, oldest first. */
  #held: Past[] = []
  readonly #encoded = new WeakMap<Payload, Encoded>()
  // The block that was asked for last is nearly always asked for again.
  #lastPayload: Payload | undefined
  #lastPast: Past = UNKNOWN
  #lastBlock: Block | undefined

  constructor(effort: Pick<Effort, 'take'>, onHeld: () => void) {
    this.#effort = effort
    this.#onHeld = onHeld
  }

  encode(sink: Sink): Sink {
    this.#readers += 1
    return new GzipSink(sink, this)
  }

  get heldBytes(): number {
    return this.#held.reduce((sum, { tail }) => sum + tail.length, 2 * (this.#lastBlock?.bytes.length ?? 0))
  }

  evict(): void {
    for (const past of this.#held) past.tail = NOTHING
    this.#held = []
    this.#main = UNKNOWN
    this.#isScattered = true
    this.#lastPayload = undefined
    this.#lastBlock = undefined
  }

  /** A payload for readers with a past. */
  block(payload: Payload, past: Past): Block {
    if (payload === this.#lastPayload && past === this.#lastPast) return this.#lastBlock!
    if (!payload.isShared) return this.#alone(payload)
    const from = past.tail.length === 0 ? UNKNOWN : past
    const encoded = this.#encoded.get(payload) ?? { common: undefined, blocks: new Map<Past, Block>() }
    this.#encoded.set(payload, encoded)
    const known = encoded.blocks.get(from)
    const block = known ?? this.#build(payload, from, encoded)
    this.#lastPayload = payload
    this.#lastPast = past
    this.#lastBlock = block
    // Last, because all of it may be evicted.
    if (known === undefined) this.#onHeld()
    return block
  }

  /** A message to one reader is short, and nobody else has it in common with that reader. */
  #alone({ bytes }: Payload): Block {
    if (this.#main !== UNKNOWN) this.#isScattered = true
    return new Block(stored(bytes), bytes, UNKNOWN)
  }

  #build(payload: Payload, from: Past, encoded: Encoded): Block {
    const { bytes } = payload
    const out = this.#effort.take(bytes.length) ? deflated(bytes, from.tail) : stored(bytes)
    const block = new Block(out, bytes, this.#after(bytes, from, encoded))
    this.#release()
    encoded.blocks.set(from, block)
    if (encoded.blocks.size > MAX_BLOCKS) encoded.blocks.delete(encoded.blocks.keys().next().value!)
    return block
  }

  /** The past of readers after a payload: longer than before, or one that all readers of the payload share. */
  #after(bytes: Uint8Array, from: Past, encoded: Encoded): Past {
    const isMain = from === this.#main
    const isTogether = (isMain || from.wasMain) && !this.#isScattered
    if (bytes.length < MIN_COMMON_BYTES || isTogether) {
      const longer = this.#hold(Buffer.concat([from.tail, bytes.subarray(-MAX_TAIL_BYTES)]))
      // All lanes have the same past of readers that have just arrived.
      if (from !== UNKNOWN) from.wasMain ||= isMain
      if (isMain) this.#main = longer
      else if (!isTogether) this.#isScattered = true
      return longer
    }
    encoded.common ??= this.#hold(bytes)
    if (isMain || this.#isScattered) {
      this.#main = encoded.common
      this.#isScattered = false
    } else if (encoded.common !== this.#main) {
      this.#isScattered = true
    }
    return encoded.common
  }

  #hold(received: Uint8Array): Past {
    const tail = received.subarray(-MAX_TAIL_BYTES)
    // Readers that receive the same in one payload or in several are together again.
    const same = this.#held.find((one) => Buffer.compare(one.tail, tail) === 0)
    if (same !== undefined) return same
    // A copy, because a part of a payload would keep all of it in memory.
    const past = new Past(Buffer.from(tail))
    this.#held.push(past)
    return past
  }

  #release(): void {
    // A reader that was always alone has one past.
    while (this.#held.length > Math.min(this.#readers, 1 + MAX_OTHER_TAILS)) {
      const oldest = this.#held.findIndex((one) => one !== this.#main)
      for (const released of this.#held.splice(oldest, 1)) released.tail = NOTHING
    }
  }
}
