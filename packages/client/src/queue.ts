/**
 * What was read and not yet taken. Bounded: whoever fills it waits for room before it reads on, so the
 * network holds back what a slow consumer does not take.
 */
export class Queue<T> {
  readonly #max: number
  #isBounded = true
  readonly #items: T[] = []
  /** Readers that wait for an item, and writers that wait for room. */
  #waiting: (() => void)[] = []
  #end: { error: Error | undefined } | undefined

  constructor(max: number) {
    this.#max = max
  }

  push(item: T): void {
    if (this.#end !== undefined) return
    this.#items.push(item)
    this.#wake()
  }

  get isFull(): boolean {
    return this.#isBounded && this.#items.length >= this.#max && this.#end === undefined
  }

  /** Resolves when there is room. One chunk of the network may overfill it. */
  async room(): Promise<void> {
    while (this.isFull) await this.#change()
  }

  /** The next item; nothing after the end. @throws what it was ended with */
  async next(): Promise<T | undefined> {
    for (;;) {
      const item = this.#items.shift()
      if (item !== undefined) {
        this.#wake()
        return item
      }
      if (this.#end !== undefined) {
        if (this.#end.error !== undefined) throw this.#end.error
        return undefined
      }
      await this.#change()
    }
  }

  /** Whoever waits for room need not: nothing more is going to be read. */
  release(): void {
    this.#isBounded = false
    this.#wake()
  }

  /** Nothing more comes. What is there can still be taken. */
  end(error?: Error): void {
    this.#end ??= { error }
    this.#wake()
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }
}
