import { peerKey } from './proc-net.ts'
import type { Unacknowledged } from './proc-net.ts'

/** What was found out in one look at all connections. */
export interface Findings {
  /** Peers from which nothing has come for the whole patience, although the kernel has repeated what they owe an answer to. */
  readonly vanished: readonly string[]
  /** Peers that have taken nothing of what waits for them for the whole patience, and for how long, in milliseconds. */
  readonly stuck: readonly (readonly [peer: string, forMs: number])[]
}

interface Watched {
  readonly queued: number
  readonly tries: number
  /** When its peer may last have acknowledged something. */
  readonly movedAt: number
  /** When the kernel was first seen to repeat itself, with no word from the peer ever since. */
  readonly silentAt: number | undefined
}

/** Compares each look at the connections with the one before. It remembers those that had something unacknowledged. */
export class Verdict {
  readonly #patienceMs: number
  #before = new Map<string, Watched>()
  #now = new Map<string, Watched>()

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs
  }

  add({ peer, queued, tries }: Unacknowledged, now: number): void {
    const before = this.#before.get(peer)
    // An acknowledgement takes bytes off the queue, and sets what counts the tries to zero.
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
