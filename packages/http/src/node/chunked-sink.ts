import type { Socket } from 'node:net'
import type { Payload, Peers, Sink, SinkListener } from '@tailrace/hub'
import { descriptorOf, isGathering, isPlain, joinGroup, sendGroup } from './group-send.ts'
import type { GroupMember } from './group-send.ts'

const NOTHING = Buffer.alloc(0)
/** Instead of the number of a group: the socket must always write by itself. */
const NEVER = -1

/** Writes the body of a chunked response of HTTP/1.1 to its socket. A payload is chunked once for all readers. */
export abstract class ChunkedSink implements Sink, GroupMember {
  readonly #socket: Socket
  readonly #peers: Peers | undefined
  #listener: SinkListener | undefined
  // Kept here because the socket is large: reading its state before each write costs a fetch from main memory.
  #isFlushed = true
  /** The group that its last write was left to. */
  #group: number

  constructor(socket: Socket, peers: Peers | undefined) {
    this.#socket = socket
    this.#peers = peers
    this.#group = isPlain(socket) ? 0 : NEVER
  }

  abstract end(): void

  get isReady(): boolean {
    this.settle()
    return this.#isFlushed
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
    this.settle()
    if (this.#group !== NEVER && this.#isFlushed) {
      this.#group = joinGroup(this, chunked)
      if (this.#group > 0) return
    }
    this.#write(chunked)
  }

  descriptor(): number {
    return descriptorOf(this.#socket)
  }

  writeRest(bytes: Uint8Array): void {
    this.#write(bytes)
  }

  destroy(): void {
    this.settle()
    this.#socket.destroy()
  }

  /** Completes the write that was left to a group, before anything else happens to the socket. */
  protected settle(): void {
    if (isGathering(this.#group)) sendGroup()
  }

  #write(bytes: Uint8Array): void {
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
    this.#isFlushed = false
    this.#socket.write(NOTHING, () => this.#onFlushed())
  }

  #onFlushed(): void {
    if (this.#socket.writableLength > 0) return
    this.#isFlushed = true
    this.#listener?.ready()
  }
}
