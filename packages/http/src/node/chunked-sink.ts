import type { Socket } from 'node:net'
import type { Payload, Peers, Sink, SinkListener } from '@tailrace/hub'

const NOTHING = Buffer.alloc(0)

/** Writes the body of a chunked response of HTTP/1.1 to its socket. A payload is chunked once for all readers. */
export abstract class ChunkedSink implements Sink {
  readonly #socket: Socket
  readonly #peers: Peers | undefined
  #listener: SinkListener | undefined
  // Kept here because the socket is large: reading its state before each write costs a fetch from main memory.
  protected isFlushed = true

  constructor(socket: Socket, peers: Peers | undefined) {
    this.#socket = socket
    this.#peers = peers
  }

  abstract end(): void

  get isReady(): boolean {
    return this.isFlushed
  }

  closed(): void {
    this.#listener?.closed(this.#peers?.resetReason(this.#socket))
  }

  // The kernel reports room again only when a third of its buffer is free, which may be a megabyte.
  movedAt(): number {
    return this.#peers?.movedAt(this.#socket) ?? 0
  }

  attach(listener: SinkListener): void {
    this.#listener = listener
    if (this.#socket.destroyed) listener.closed()
  }

  write({ chunked }: Payload): void {
    this.writeBytes(chunked)
  }

  destroy(): void {
    this.#socket.destroy()
  }

  writeBytes(bytes: Uint8Array): void {
    this.#socket.write(bytes)
    this.awaitFlush()
  }

  protected detach(): void {
    this.#listener = undefined
  }

  /**
   * A callback for each write would cost a separate tick each time. Instead, an empty write after the bytes that did
   * not fit into the kernel's buffer reports when they have left.
   */
  protected awaitFlush(): void {
    if (this.#socket.writableLength === 0) return
    this.isFlushed = false
    this.#socket.write(NOTHING, () => this.#onFlushed())
  }

  #onFlushed(): void {
    if (this.#socket.writableLength > 0) return
    this.isFlushed = true
    this.#listener?.ready()
  }
}
