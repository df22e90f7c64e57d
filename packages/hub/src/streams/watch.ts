import type { EventLog } from '@tailrace/log'
import { readLease } from './lease.ts'
import type { Opening } from './records.ts'
import { RENEWALS } from './terms.ts'

/** Open streams that are watched at a time. Others are found when someone asks for them, and by the sweep. */
const MAX_WATCHED = 10_000

export interface WatchOptions {
  readonly log: EventLog
  /** The producer whose streams need not be watched, because it is this hub. */
  readonly self: string
  readonly leaseMs: number
  /**
   * Ends a stream whose producer is gone, unless it is over.
   *
   * @param isCertain nothing was missed since the stream was seen, so it is still the stream of this topic
   */
  endOrphan(topic: string, producer: string, isCertain: boolean): Promise<void>
  report(error: unknown): void
}

/** What is known of another hub. */
interface Producer {
  readonly topics: Set<string>
  /** What its lease showed last. */
  lease: number | undefined
  /** How often the lease has shown the same since. */
  unchanged: number
}

/**
 * The open streams that this hub knows of. It checks the leases of their producers as often as these are renewed. A
 * producer is gone if its lease showed the same value three times after it was first seen. Checks that fail do not count,
 * and neither does time during which this process stood still, so no clock is needed.
 */
export class Watch {
  readonly #options: WatchOptions
  /** By topic. */
  readonly #openings = new Map<string, Opening>()
  /** Topics that may have been purged, and used again. */
  #doubtful = new Set<string>()
  readonly #producers = new Map<string, Producer>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #isStopped = false

  constructor(options: WatchOptions) {
    this.#options = options
  }

  get topics(): readonly string[] {
    return [...this.#openings.keys()]
  }

  has(topic: string): boolean {
    return this.#openings.has(topic)
  }

  add(topic: string, opening: Opening): void {
    this.remove(topic)
    if (this.#openings.size >= MAX_WATCHED) return
    this.#openings.set(topic, opening)
    const { producer } = opening
    if (producer === this.#options.self) return
    const known = this.#producers.get(producer)
    if (known === undefined)
      this.#producers.set(producer, { topics: new Set([topic]), lease: undefined, unchanged: -1 })
    else known.topics.add(topic)
    this.#schedule(0)
  }

  /** @returns how the stream was opened, if it was watched */
  remove(topic: string): Opening | undefined {
    const opening = this.#openings.get(topic)
    if (opening === undefined) return undefined
    this.#openings.delete(topic)
    this.#doubtful.delete(topic)
    const { producer } = opening
    const known = this.#producers.get(producer)
    known?.topics.delete(topic)
    if (known?.topics.size === 0) this.#producers.delete(producer)
    return opening
  }

  /** Something may have happened to the topics without this hub having seen it. */
  doubt(): void {
    this.#doubtful = new Set(this.#openings.keys())
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  #schedule(ms: number): void {
    if (!this.#isStopped) this.#timer ??= setTimeout(() => void this.#check(), ms)
  }

  async #check(): Promise<void> {
    for (const [name, producer] of this.#producers) {
      await this.#checkOne(name, producer).catch((error: unknown) => {
        producer.unchanged = -1
        this.#options.report(error)
      })
    }
    this.#timer = undefined
    if (this.#producers.size > 0) this.#schedule(this.#options.leaseMs / RENEWALS)
  }

  async #checkOne(name: string, producer: Producer): Promise<void> {
    const { log, endOrphan } = this.#options
    const lease = await readLease(log.shared!, name)
    producer.unchanged = producer.unchanged >= 0 && lease === producer.lease ? producer.unchanged + 1 : 0
    producer.lease = lease
    if (producer.unchanged < RENEWALS) return
    for (const topic of producer.topics) {
      await endOrphan(topic, name, !this.#doubtful.has(topic))
      this.remove(topic)
    }
  }
}
