/** How long a clock that has jumped ahead must stay there before the jump counts. */
const PROOF_MS = 60 * 60 * 1000
/** Readings that are closer together than this count as one, which bounds how many are kept. */
const APART_MS = PROOF_MS / 60

/** The clocks it uses. Tests may set each of them. */
export interface Clocks {
  /** The wall clock, in milliseconds since 1970. @defaultValue `Date.now` */
  readonly wall?: (() => number) | undefined
  /** A clock that nobody sets, in milliseconds. @defaultValue `performance.now` */
  readonly monotonic?: (() => number) | undefined
}

interface Reading {
  readonly at: number
  /** How far the wall clock was ahead of the monotonic clock. */
  ahead: number
}

/**
 * The time by which events age. It advances with the monotonic clock, starting from the earliest time that the wall
 * clock showed within the last hour. So a wall clock that jumps ahead makes nothing old until it has stayed there
 * for an hour, and no event is deleted because of a mistake that was corrected by then. After a machine slept, or a
 * hub was stopped, it is correct an hour later. If the wall clock goes back, it follows at once.
 *
 * Nor is it ahead of the log, which has the clock of its engine or of other nodes, and whose events show the time. So a
 * node whose clock is wrong deletes nothing of the others, as long as anyone publishes.
 */
export class SteadyClock {
  readonly #wall: () => number
  readonly #monotonic: () => number
  /** Oldest first. At most as many as an hour has intervals of {@link APART_MS}, plus two. */
  readonly #readings: Reading[] = []
  /** How far the log's clock was ahead, at most, by the events of about the last hour. */
  #log: Reading | undefined

  /** @param since - a time at which the wall clock was known to be right, for example that of the newest event */
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
    const log = this.#log !== undefined && at - this.#log.at < PROOF_MS ? this.#log.ahead : Infinity
    return at + Math.min(log, ...this.#readings.map(({ ahead }) => ahead))
  }

  /** @param time - that of an event that was stored just now */
  witness(time: number): void {
    const at = this.#monotonic()
    const ahead = time - at
    const known = this.#log
    if (known === undefined || ahead > known.ahead || at - known.at >= PROOF_MS) this.#log = { at, ahead }
  }

  #note(at: number, ahead: number): void {
    const last = this.#readings.at(-1)
    if (last !== undefined && at - last.at < APART_MS) last.ahead = Math.min(last.ahead, ahead)
    else this.#readings.push({ at, ahead })
    // The second one as well: the first may be the only one from before a jump.
    while (this.#readings.length > 1 && at - this.#readings[1]!.at >= PROOF_MS) this.#readings.shift()
  }
}
