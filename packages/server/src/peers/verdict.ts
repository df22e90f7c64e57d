import { peerKey } from './proc-net.ts'
import type { Unacknowledged } from './proc-net.ts'

/** The result of one look at all connections. */
export interface Findings {
  /**
   * Peers that have sent nothing for the whole patience, although the kernel has retransmitted data that they should
   * have acknowledged.
   */
  readonly vanished: readonly string[]
  /** Peers that have accepted none of the waiting data for the whole patience, and for how long, in milliseconds. */
  readonly stuck: readonly (readonly [peer: string, forMs: number])[]
}

interface Watched {
  readonly queued: number
  readonly tries: number
  /** The latest time at which its peer may have acknowledged something. */
  readonly movedAt: number
  /** When the kernel was first seen to retransmit, without any response from the peer since. */
  readonly silentAt: number | undefined
}

/** Compares each look at the connections with the previous one. It remembers those that had unacknowledged data. */
export class Verdict {
  readonly #patienceMs: number
  #before = new Map<string, Watched>()
  #now = new Map<string, Watched>()

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs
  }

  add({ peer, queued, tries }: Unacknowledged, now: number): void {
    const before = this.#before.get(peer)
    // An acknowledgement removes bytes from the queue, and resets the counter of retransmissions.
    const hasMoved = before === undefined || queued < before.queued || tries < before.tries
    const silentAt = tries === 0 ? undefined : hasMoved ? now : (before.silentAt ?? now)
    this.#now.set(peer, { queued, tries, movedAt: hasMoved ? now : before.movedAt, silentAt })
  }

  /** Ends a look. */
  conclude(now: number): Findings {
    const vanished: string[] = []
    const stuck: [string, number][] = []
    for (const [peer, { movedAt, silentAt }] of this.#now) {
      if (silentAt !== undefined && now - silentAt >= this.#patienceMs) vanished.push(peerKey(peer))
      if (now - movedAt >= this.#patienceMs) stuck.push([peerKey(peer), now - movedAt])
    }
    this.#before = this.#now
    this.#now = new Map()
    return { vanished, stuck }
  }
}
