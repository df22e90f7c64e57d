import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Answers that one connection may be owed at a time; a client that pipelines more requests is cut. */
const MAX_OWED_ANSWERS = 64

interface Turn {
  readonly response: ServerResponse
  begin(): void
}

/**
 * Answers the requests of each connection one after the other. Otherwise, a client could pipeline requests without
 * reading the answers, all of which would be in memory.
 */
export class Turns {
  readonly #turns = new WeakMap<Socket, Turn[]>()

  /** Begins to answer once the client has received all earlier answers on the same connection. */
  take(socket: Socket, response: ServerResponse, begin: () => void): void {
    const turns = this.#turns.get(socket) ?? []
    // Requests after a stream wait indefinitely, and each costs 2 KiB.
    if (turns.length === MAX_OWED_ANSWERS) socket.destroy()
    // The parser still emits requests from bytes that it has already read.
    if (socket.destroyed) return
    this.#turns.set(socket, turns)
    turns.push({ response, begin })
    if (turns.length === 1) this.#next(socket, turns)
  }

  /** The answers that a connection is waiting for, next one first. */
  owed(socket: Socket): readonly ServerResponse[] {
    return (this.#turns.get(socket) ?? []).map(({ response }) => response)
  }

  #next(socket: Socket, turns: Turn[]): void {
    const [turn] = turns
    // An answer that closes the connection is the last one.
    if (turn === undefined || !socket.writable) return
    turn.response.on('close', () => {
      turns.shift()
      this.#next(socket, turns)
    })
    turn.begin()
  }
}
