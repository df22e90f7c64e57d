/** How long a clock that has jumped ahead must stay there before the jump counts. */
const PROOF_MS = 60 * 60 * 1000
/** Readings that are closer together than this count as one, which bounds how many are kept. */
const APART_MS = PROOF_MS / 60

/** By what clocks it goes. Each may be set in tests. */
export interface Clocks {
  /** The wall clock, in milliseconds since 1970. @defaultValue `Date.now` */
  readonly wall?: (() => number) | undefined
  /** A clock that nobody sets, in milliseconds. @defaultValue `performance.now` */
  readonly monotonic?: (() => number) | undefined
}

interface Reading {
  readonly at: number
  /** How far the wall clock was ahead of the other. */
  ahead: number
}

/**
 * The time by which events grow old. It goes on as the monotonic clock does, from the earliest that the wall clock
 * said within the last hour: a wall clock that jumps ahead makes nothing old before it has stayed there for an hour,
 * and what deletes events for their age deletes none for a mistake that was put right by then. Of a machine that
 * slept, or a hub that was stopped, it is right an hour later. A wall clock that goes back is followed at once.
 */
export class SteadyClock {
  readonly #wall: () => number
  readonly #monotonic: () => number
  /** Oldest first; no more than an hour has of {@link APART_MS}, and two. */
  readonly #readings: Reading[] = []

  /** @param since - when the wall clock is known to have been right: the time of the newest event, say */
  constructor(
    since: number | undefined,
    { wall = Date.now, monotonic = () => performance.now() }: Clocks = {},
  ) {
    this.#wall = wall
    this.#monotonic = monotonic
    const at = monotonic()
    if (since !== undefined) this.#readings.push({ at, ahead: since - at })
  }

  now(): number {
    const at = this.#monotonic()
    this.#note(at, this.#wall() - at)
    return at + Math.min(...this.#readings.map(({ ahead }) => ahead))
  }

  #note(at: number, ahead: number): void {
    const last = this.#readings.at(-1)
    if (last !== undefined && at - last.at < APART_MS) last.ahead = Math.min(last.ahead, ahead)
    else this.#readings.push({ at, ahead })
    // The second one as well: the first may be all that there is of the time before a jump.
    while (this.#readings.length > 1 && at - this.#readings[1]!.at >= PROOF_MS) this.#readings.shift()
  }
}
