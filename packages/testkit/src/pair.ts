import type { Socket } from 'node:net'
import { setImmediate, setTimeout } from 'node:timers/promises'

import type { ConnectionFaults, FlowFaults } from './faults.ts'

/** The connection of a client, and the corresponding one upstream. */
export interface Pair {
  pause(): void
  resume(): void
  /** Sends RST to both ends: data that is still in the kernel is lost. */
  reset(): void
  /** Resolves when both sockets are gone. */
  readonly closed: Promise<void>
}

/**
 * Copies in both directions, with faults. Holds at most one read and one write buffer (64 KiB each) per direction,
 * and continues to read only when the previous data was accepted, so that each end notices how slow the other is.
 */
export function joinSockets(client: Socket, upstream: Socket, faults: ConnectionFaults): Pair {
  let passedBytes = 0
  let hasEnded = false
  let gate: Promise<void> | undefined
  let openGate: (() => void) | undefined

  function pause(): void {
    gate ??= new Promise((resolve) => {
      openGate = resolve
    })
  }
  function resume(): void {
    gate = undefined
    openGate?.()
  }
  function reset(): void {
    resetSocket(client)
    resetSocket(upstream)
    resume()
  }

  async function flow(from: Socket, to: Socket, plan: FlowFaults): Promise<void> {
    for (;;) {
      await gate
      const chunk = from.read() as Buffer | null
      if (chunk === null) {
        if (from.readableEnded || from.destroyed) break
        await change(from, 'readable', 'end', 'close')
        continue
      }
      for (const piece of plan.pieces(chunk)) {
        await turns(plan.delay())
        await gate
        pass(piece, from, to)
        while (to.writableNeedDrain) await change(to, 'drain', 'finish', 'close')
        if (piece.length < chunk.length) await setImmediate()
      }
      const stall = plan.stall()
      if (stall) await (stall.ms > 0 ? setTimeout(stall.ms, undefined, { ref: false }) : turns(stall.turns))
    }
    if (!to.destroyed) to.end()
  }

  function pass(piece: Buffer, from: Socket, to: Socket): void {
    const left = faults.endAt - passedBytes
    passedBytes += piece.length
    if (hasEnded || piece.length < left) return write(piece, from, to)
    hasEnded = true
    write(piece.subarray(0, left), from, to)
    end()
    write(piece.subarray(left), from, to)
  }

  function end(): void {
    switch (faults.ending()) {
      case 'reset':
        reset()
        break
      case 'finish':
        client.destroySoon()
        resetSocket(upstream)
        break
      case 'half-close-client':
        client.end()
        break
      case 'half-close-upstream':
        upstream.end()
        break
    }
  }

  client.on('error', () => resetSocket(upstream))
  upstream.on('error', () => resetSocket(client))
  void flow(client, upstream, faults.up)
  void flow(upstream, client, faults.down)

  return { pause, resume, reset, closed: bothClosed(client, upstream) }
}

function write(bytes: Buffer, from: Socket, to: Socket): void {
  if (bytes.length === 0) return
  // As the kernel responds for an end that is completely gone.
  if (to.destroyed) resetSocket(from)
  // A half-closed direction discards the rest: the sender notices nothing.
  else if (!to.writableEnded) to.write(bytes)
}

function resetSocket(socket: Socket): void {
  // If a socket is still connecting, node waits for the connection and then resets it.
  if (!socket.destroyed) socket.resetAndDestroy()
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await setImmediate()
}

function change(socket: Socket, ...events: string[]): Promise<void> {
  return new Promise((resolve) => {
    function done(): void {
      for (const event of events) socket.off(event, done)
      resolve()
    }
    for (const event of events) socket.on(event, done)
  })
}

async function bothClosed(...sockets: Socket[]): Promise<void> {
  await Promise.all(sockets.map((socket) => change(socket, 'close')))
}
