import { accessSync } from 'node:fs'
import type { AddressInfo, Server, Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import type { PeerAddress, Peers } from '@tailrace/hub'
import type { Findings } from './verdict.ts'
import type { WatchOrder } from './worker.ts'

/**
 * How often per stall time the connections are looked at: every two seconds by default. A look costs the thread 2 µs
 * of CPU for each connection in the network namespace of the hub, almost all of it in the kernel: 35 ms for 16,000
 * connections. It costs the main thread nothing unless there is something to report.
 */
const SAMPLES = 15
/** The minimum, however short the stall time is. */
const LEAST_SAMPLE_MS = 50
/**
 * The part of the stall time for which a peer may acknowledge nothing. A quiet stream has nothing to acknowledge
 * before its next heartbeat, which by default takes up to half of the stall time. The remaining time allows for two
 * looks.
 */
const PATIENCE = 0.4
/**
 * The minimum, however short the stall time is: a peer whose window is closed does not answer two probes within half
 * a second (RFC 5961).
 */
const LEAST_PATIENCE_MS = 1_000
/** How long after the death of the thread a new one is started. */
const REVIVE_MS = 10_000
/** How long the reason of a reset is remembered, since a sink only learns that its connection is closed. */
const REMEMBER_MS = 1_000
/** Connections searched for those to reset before the event loop gets its turn. */
const MAX_SOCKETS_A_TURN = 1_000

export interface PeerWatch extends Peers {
  /** Starts once the listener is listening. */
  start(listener: Server): void
  stop(): void
}

/**
 * Finds peers that vanished without closing their connections: a phone in a tunnel, a machine without power.
 * Otherwise their connections would stay open for a quarter of an hour, since everything sent to them fits into the
 * kernel's buffer. Linux lists the unacknowledged bytes of each connection, and a thread reads that list. On other
 * systems this does nothing.
 *
 * @param sockets - all connections of the listener
 * @param onFailed - called when the thread has died; a new one follows
 */
export function createPeerWatch(
  sockets: ReadonlySet<Socket>,
  stallMs: number,
  onFailed: (error: unknown) => void,
): PeerWatch {
  let worker: Worker | undefined
  let timer: NodeJS.Timeout | undefined
  let stuckSince = new Map<string, number>()
  const reasons = new Map<string, 'vanished' | 'stalled'>()

  function learn(findings: Findings): void {
    const now = performance.now()
    stuckSince = new Map(findings.stuck.map(([peer, forMs]) => [peer, now - forMs]))
    const due = new Map<string, 'vanished' | 'stalled'>()
    for (const [peer, forMs] of findings.stuck) if (forMs >= stallMs) due.set(peer, 'stalled')
    for (const peer of findings.vanished) due.set(peer, 'vanished')
    if (due.size > 0) void reset(due)
  }

  async function reset(due: ReadonlyMap<string, 'vanished' | 'stalled'>): Promise<void> {
    let count = 0
    for (const socket of sockets) {
      const peer = keyOf(socket)
      const reason = due.get(peer)
      if (reason !== undefined) {
        reasons.set(peer, reason)
        setTimeout(() => reasons.delete(peer), REMEMBER_MS).unref()
        // After a graceful close, the kernel would continue to retransmit.
        socket.resetAndDestroy()
      }
      count += 1
      if (count % MAX_SOCKETS_A_TURN === 0) await new Promise(setImmediate)
    }
  }

  function start(listener: Server): void {
    if (!canList()) return
    const { port } = listener.address() as AddressInfo
    const sampleMs = Math.max(LEAST_SAMPLE_MS, stallMs / SAMPLES)
    const order: WatchOrder = { port, sampleMs, patienceMs: Math.max(LEAST_PATIENCE_MS, PATIENCE * stallMs) }
    // Not at once: there is nothing to find yet, and its start would take CPU time from that of the hub.
    timer = setTimeout(() => watch(order), sampleMs).unref()
  }

  function watch(order: WatchOrder): void {
    // Emitted JavaScript keeps this URL as it is written, so it must name the file that really exists.
    const body = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js'
    worker = new Worker(new URL(body, import.meta.url), {
      workerData: order,
      resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 },
    })
    worker.on('message', learn)
    worker.on('error', (error) => {
      worker = undefined
      onFailed(error)
      timer = setTimeout(() => watch(order), REVIVE_MS).unref()
    })
    worker.unref()
  }

  return {
    start,
    stop() {
      clearTimeout(timer)
      void worker?.terminate()
    },
    movedAt: (peer) => stuckSince.get(keyOf(peer)) ?? (worker === undefined ? 0 : performance.now()),
    resetReason: (peer) => (reasons.size === 0 ? undefined : reasons.get(keyOf(peer))),
  }
}

/** Linux, with `/proc`. */
function canList(): boolean {
  try {
    accessSync('/proc/self/net/tcp')
    return true
  } catch {
    return false
  }
}

function keyOf({ remoteAddress = '', remotePort = 0 }: PeerAddress): string {
  // A link-local address is followed by the name of the interface.
  const [address] = remoteAddress.split('%', 1)
  return `${address} ${remotePort}`
}
