import type { EventLog } from '@tailrace/log'
import { clockOf } from '../retention.ts'
import type { SteadyClock } from '../steady-clock.ts'

/**
 * How many rounds later than the producer's hub the others purge a topic, at most, if it is still there. They differ, so
 * that two do not purge a topic at the same time, when it may be in use again after the first.
 */
const MAX_ROUNDS_LATER = 4

/** Topics that are remembered until their time is over. Others are found by the sweep. */
const MAX_EXPIRIES = 100_000

interface Due {
  /** The offset of the end of the stream, so that another stream with the same topic is not purged. */
  readonly end: number
  /** By the steady clock. */
  readonly at: number
}

/** Purges the topics of streams that ended some time ago. */
export class Expiry {
  readonly #log: EventLog
  readonly #report: (error: unknown) => void
  readonly #due = new Map<string, Due>()
  readonly #everyMs: number
  #timer: ReturnType<typeof setInterval> | undefined
  #clock: SteadyClock | undefined
  #isPurging = false
  #isStopped = false

  constructor(log: EventLog, everyMs: number, report: (error: unknown) => void) {
    this.#log = log
    this.#everyMs = everyMs
    this.#report = report
  }

  has(topic: string): boolean {
    return this.#due.has(topic)
  }

  /**
   * @param last where and when the stream ended
   * @param isOwn this hub has produced it
   */
  add(
    topic: string,
    last: { readonly offset: number; readonly time: number },
    ttlMs: number,
    isOwn: boolean,
  ): void {
    if (this.#log.retention === undefined || this.#due.size >= MAX_EXPIRIES) return
    const laterMs = isOwn ? 0 : this.#everyMs * (1 + Math.random() * (MAX_ROUNDS_LATER - 1))
    this.#due.set(topic, { end: last.offset, at: last.time + ttlMs + laterMs })
    if (!this.#isStopped) this.#timer ??= setInterval(() => void this.#purge(), this.#everyMs)
  }

  remove(topic: string): void {
    this.#due.delete(topic)
  }

  /** @param time that of an event that was stored just now */
  witness(time: number): void {
    this.#clock?.witness(time)
  }

  stop(): void {
    this.#isStopped = true
    clearInterval(this.#timer)
  }

  async #purge(): Promise<void> {
    if (this.#isPurging) return
    this.#isPurging = true
    try {
      this.#clock ??= await clockOf(this.#log)
      const now = this.#clock.now()
      for (const [topic, { end, at }] of this.#due) {
        if (this.#isStopped) return
        if (at > now) continue
        // Another hub may have purged it, and the topic may be in use again.
        const [ended] = await this.#log.topics!.ended([topic])
        if (ended === end) await this.#log.retention!.purge(topic)
        if (this.#due.get(topic)?.end === end) this.#due.delete(topic)
      }
      if (this.#due.size > 0) return
      clearInterval(this.#timer)
      this.#timer = undefined
    } catch (error) {
      // The next round tries again.
      this.#report(error)
    } finally {
      this.#isPurging = false
    }
  }
}
