import type { Lane } from './lane.ts'
import { MAX_HANDED_BYTES } from './sink.ts'

/** How many readers a lane may serve before another has its turn: one or two milliseconds of writes. */
const MAX_WRITES_A_VISIT = 250
/** How many readers are served before the event loop has its turn, so that publishes and new readers are too. */
const MAX_WRITES_A_TURN = 500

/**
 * Decides when lanes hand out what came. A lane that has been quiet hands it out at once; one that has just
 * done so waits for what else comes, until the delay is over or a sink's fill has come. So an idle hub adds
 * no latency, and a busy one writes once for many events.
 */
export class Pacer {
  readonly #delayMs: number
  /** Lanes that hand out now, in turn. Bounded by the lanes that there are. */
  readonly #due = new Set<Lane>()
  /** Lanes that wait, with the time at which they are due; in that order, since the delay is the same for all. */
  readonly #waiting = new Map<Lane, number>()
  #timer: NodeJS.Timeout | undefined
  #isContinued = false

  constructor(delayMs: number) {
    this.#delayMs = delayMs
  }

  /** Lanes have news. Those that are due hand out as much of it as one turn allows before this returns. */
  add(lanes: Iterable<Lane>): void {
    const now = performance.now()
    for (const lane of lanes) this.#schedule(lane, now)
    if (!this.#isContinued) this.#run()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#due.clear()
    this.#waiting.clear()
  }

  #schedule(lane: Lane, now: number): void {
    if (this.#due.has(lane)) return
    const dueAt = lane.flushedAt + this.#delayMs
    if (dueAt <= now || lane.newsBytes >= MAX_HANDED_BYTES) {
      this.#waiting.delete(lane)
      this.#due.add(lane)
    } else if (!this.#waiting.has(lane)) {
      this.#waiting.set(lane, dueAt)
      this.#timer ??= setTimeout(() => this.#wake(), dueAt - now)
    }
  }

  #wake(): void {
    this.#timer = undefined
    // Timers fire up to a millisecond early.
    const now = performance.now() + 1
    for (const [lane, dueAt] of this.#waiting) {
      if (dueAt > now) {
        this.#timer = setTimeout(() => this.#wake(), dueAt - now)
        break
      }
      this.#waiting.delete(lane)
      this.#due.add(lane)
    }
    if (!this.#isContinued) this.#run()
  }

  #run(): void {
    this.#isContinued = false
    let budget = MAX_WRITES_A_TURN
    for (const lane of this.#due) {
      if (budget <= 0) break
      const allowed = Math.min(budget, MAX_WRITES_A_VISIT)
      const left = lane.flush(allowed)
      budget -= allowed - left
      this.#due.delete(lane)
      if (left === 0) {
        // To the end of the line: a lane of many readers must not keep the others waiting.
        this.#due.add(lane)
      } else {
        const now = performance.now()
        lane.flushedAt = now
        if (lane.newsBytes > 0) this.#schedule(lane, now)
      }
    }
    if (this.#due.size === 0) return
    this.#isContinued = true
    setImmediate(() => this.#run())
  }
}
