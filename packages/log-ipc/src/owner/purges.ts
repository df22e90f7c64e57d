/** Maximum topics whose purge is remembered. */
const MAX_REMEMBERED = 10_000

/** A topic that was purged. */
export interface Purge {
  readonly topic: string
  readonly through: number
  /** Counts purges, from 1. */
  readonly number: number
}

/** The last purge of each topic, for nodes that were away, or are behind. */
export class Purges {
  readonly #last = new Map<string, Purge>()
  /** The number of the last purge. */
  newest = 0
  #forgotten = 0

  add(topic: string, through: number): Purge {
    this.newest += 1
    const purge = { topic, through, number: this.newest }
    this.#last.delete(topic)
    this.#last.set(topic, purge)
    if (this.#last.size > MAX_REMEMBERED) {
      const [oldest] = this.#last.values()
      this.#forgotten = oldest!.number
      this.#last.delete(oldest!.topic)
    }
    return purge
  }

  /** Those after a number, in order. Undefined if some are not remembered. */
  after(number: number): readonly Purge[] | undefined {
    if (number === this.newest) return []
    if (number < this.#forgotten) return undefined
    return [...this.#last.values()].filter((purge) => purge.number > number)
  }
}
