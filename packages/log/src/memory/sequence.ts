/** Something that has a place in an order, and may leave it. */
export interface Placed {
  readonly place: number
  readonly isGone: boolean
}

/**
 * Things in the order of their places, which only grow. What is gone is passed over, and dropped once half of all
 * is, so that to add, to remove and to begin anywhere costs little however many there are.
 */
export class Sequence<T extends Placed> {
  #items: T[] = []
  #gone = 0
  /** Everything before it is gone: the oldest usually go first, and must not be passed over each time. */
  #first = 0

  /** How many are left. */
  get size(): number {
    return this.#items.length - this.#gone
  }

  push(item: T): void {
    this.#items.push(item)
  }

  /** Counts one that is gone. */
  drop(): void {
    this.#gone += 1
    while (this.#first < this.#items.length && this.#items[this.#first]!.isGone) this.#first += 1
    if (this.#gone * 2 <= this.#items.length) return
    this.#items = this.#items.filter(({ isGone }) => !isGone)
    this.#gone = 0
    this.#first = 0
  }

  /** Those behind a place. What is dropped or added meanwhile may or may not be among them. */
  *after(place: number): Iterable<T> {
    const items = this.#items
    for (let i = this.#indexAfter(place); i < items.length; i += 1) if (!items[i]!.isGone) yield items[i]!
  }

  #indexAfter(place: number): number {
    let low = this.#first
    let high = this.#items.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#items[middle]!.place > place) high = middle
      else low = middle + 1
    }
    return low
  }
}
