/** An item with a position in an order, which may be removed. */
export interface Placed {
  readonly place: number
  readonly isGone: boolean
}

/**
 * Items in the order of their positions, which only grow. Removed items are skipped, and dropped once they are half
 * of all, so that adding, removing and starting anywhere are cheap regardless of the number of items.
 */
export class Sequence<T extends Placed> {
  #items: T[] = []
  #gone = 0
  /** Everything before it is removed. The oldest items are usually removed first, and must not be skipped each time. */
  #first = 0

  /** How many items remain. */
  get size(): number {
    return this.#items.length - this.#gone
  }

  push(item: T): void {
    this.#items.push(item)
  }

  /** Counts a removed item. */
  drop(): void {
    this.#gone += 1
    while (this.#first < this.#items.length && this.#items[this.#first]!.isGone) this.#first += 1
    if (this.#gone * 2 <= this.#items.length) return
    this.#items = this.#items.filter(({ isGone }) => !isGone)
    this.#gone = 0
    this.#first = 0
  }

  /** The items after a position. An item that is added or removed during the iteration may or may not be included. */
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
