/**
 * What was read and not yet taken. Bounded: whoever fills it waits for room before it reads on, so the
 * network holds back what a slow consumer does not take.
 */
export class Queue<T> {
  #max: number
  readonly #items: T[] = []
  /** Readers that wait for an item, and writers that wait for room. */
  #waiting: (() => void)[] = []
  #end: Promise<void> | undefined

  constructor(max: number) {
    this.#max = max
  }

  push(item: T): void {
    if (this.#end !== undefined) return
    this.#items.push(item)
    this.#wake()
  }

  get isFull(): boolean {
    return this.#items.length >= this.#max && this.#end === undefined
  }

  /** Resolves when there is room. One chunk of the network may overfill it. */
  async room(): Promise<void> {
    while (this.isFull) await this.#change()
  }

  /** The next item; nothing after the end. @throws what the end was rejected with */
  async next(): Promise<T | undefined> {
    for (;;) {
      const item = this.#items.shift()
      if (item !== undefined) {
        this.#wake()
        return item
      }
      if (this.#end !== undefined) return (await this.#end) as undefined
      await this.#change()
    }
  }

  /** Whoever waits for room need not: nothing more is going to be read. */
  release(): void {
    this.#max = Infinity
    this.#wake()
  }

  /** Nothing more comes. What is there can still be taken. */
  end(how: Promise<void>): void {
    this.#end = how
    this.#wake()
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }
}
