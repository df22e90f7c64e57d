import { Payload } from '@tailrace/hub'
import type { Sink, SinkListener } from '@tailrace/hub'
import { UNKNOWN } from './block.ts'
import type { BlockSource, Past } from './block.ts'
import { HEAD, tail } from './deflate.ts'

/** The gzip stream of one reader. */
export class GzipSink implements Sink {
  readonly #sink: Sink
  readonly #source: BlockSource
  /** Undefined before the first write. */
  #past: Past | undefined
  /** Of everything that was written; both as signed integers of 32 bits, which fit into the object. */
  #crc = 0
  #length = 0

  constructor(sink: Sink, source: BlockSource) {
    this.#sink = sink
    this.#source = source
  }

  get isReady(): boolean {
    return this.#sink.isReady
  }

  movedAt(): number {
    return this.#sink.movedAt?.() ?? 0
  }

  attach(listener: SinkListener): void {
    this.#sink.attach(listener)
  }

  write(payload: Payload): void {
    const block = this.#source.block(payload, this.#past ?? UNKNOWN)
    this.#crc = block.crc.after(this.#crc)
    this.#length = (this.#length + block.plainBytes) | 0
    this.#send(block, block.next)
  }

  end(): void {
    this.#send(new Payload(tail(this.#crc, this.#length)), UNKNOWN)
    this.#sink.end()
  }

  /** Without the end of the stream, so that its reader knows that something may be missing. */
  destroy(): void {
    this.#sink.destroy()
  }

  #send(payload: Payload, next: Past): void {
    const isFirst = this.#past === undefined
    // Before the write, because a sink may call back from within it.
    this.#past = next
    this.#sink.write(isFirst ? new Payload(Buffer.concat([HEAD, payload.bytes])) : payload)
  }
}
