/**
 * What was read and not yet taken. Bounded: whoever fills it waits for room before it reads on, so the
 * network holds back what a slow consumer does not take.
 */
export class Queue<T> {
  readonly #max: number
  #isBounded = true
  readonly #items: T[] = []
  #wakeReader: (() => void) | undefined
  #wakeWriter: (() => void) | undefined
  #end: { error: Error | undefined } | undefined

  constructor(max: number) {
    this.#max = max
  }

  push(item: T): void {
    if (this.#end !== undefined) return
    this.#items.push(item)
    this.#wakeReader?.()
  }

  get isFull(): boolean {
    return this.#isBounded && this.#items.length >= this.#max && this.#end === undefined
  }

  /** Resolves when there is room. One chunk of the network may overfill it. */
  async room(): Promise<void> {
    while (this.isFull) {
      await new Promise<void>((resolve) => (this.#wakeWriter = resolve))
    }
  }

  /** The next item; nothing after the end. @throws what it was ended with */
  async next(): Promise<T | undefined> {
    for (;;) {
      const item = this.#items.shift()
      this.#wakeWriter?.()
      if (item !== undefined) return item
      if (this.#end !== undefined) {
        if (this.#end.error !== undefined) throw this.#end.error
        return undefined
      }
      await new Promise<void>((resolve) => (this.#wakeReader = resolve))
    }
  }

  /** Whoever waits for room need not: nothing more is going to be read. */
  release(): void {
    this.#isBounded = false
    this.#wakeWriter?.()
  }

  /** Nothing more comes. What is there can still be taken. */
  end(error?: Error): void {
    this.#end ??= { error }
    this.#wakeReader?.()
    this.#wakeWriter?.()
  }
}
