import type { Lane } from './lane.ts'
import { MAX_HANDED_BYTES } from './sink.ts'

/** How many readers a lane may serve before another lane gets its turn: one or two milliseconds of writes. */
const MAX_WRITES_A_VISIT = 250
/** How many readers are served before the event loop gets its turn, so that publishes and new readers are served too. */
const MAX_WRITES_A_TURN = 500

/**
 * Decides when lanes write what has arrived. A lane that receives single events writes each at once, so an idle hub
 * adds no latency. If events arrive faster than a lane could write them one by one, it waits for more, until the delay
 * is over or 64 KiB have arrived: one write for many events. A lane with one reader never waits.
 */
export class Pacer {
  readonly #delayMs: number
  /** Lanes that are writing now, in turn. Bounded by the number of lanes. */
  readonly #due = new Set<Lane>()
  /** Lanes that are waiting. The delay of the first one is the longest wait of any of them. */
  readonly #waiting = new Set<Lane>()
  #timer: NodeJS.Timeout | undefined
  #isContinued = false

  constructor(delayMs: number) {
    this.#delayMs = delayMs
  }

  /** Called when lanes have news. Those that are due write as much of it as one turn allows before this returns. */
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
    const left = lane.isBusy ? lane.flushedAt + this.#delayMs - now : 0
    if (left <= 0 || lane.newsBytes >= MAX_HANDED_BYTES) {
      this.#waiting.delete(lane)
      this.#due.add(lane)
    } else {
      this.#waiting.add(lane)
      this.#timer ??= setTimeout(() => this.#wake(), left)
    }
  }

  #wake(): void {
    this.#timer = undefined
    for (const lane of this.#waiting) this.#due.add(lane)
    this.#waiting.clear()
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
        // To the end of the queue: a lane with many readers must not make the others wait.
        this.#due.add(lane)
      } else {
        lane.flushedAt = performance.now()
        if (lane.newsBytes > 0) this.#schedule(lane, lane.flushedAt)
      }
    }
    if (this.#due.size === 0) return
    this.#isContinued = true
    setImmediate(() => this.#run())
  }
}
