/** Items that were read but not yet processed. */
export interface Queue<T> {
  push(item: T): void
  readonly isFull: boolean
  /** Resolves when there is room. One chunk of the network may overfill it. */
  room(): Promise<void>
  /** The next item; undefined after the end. @throws the reason of the end */
  next(): Promise<T | undefined>
  /** Stops waiting for room: nothing more will be read. */
  release(): void
  /** Nothing more will follow. Items in the queue can still be read. */
  end(how: Promise<void>): void
}

/**
 * A bounded queue. The producer waits for room before it reads on, so a slow consumer slows down the connection.
 */
export function createQueue<T>(max: number): Queue<T> {
  const items: T[] = []
  /** Readers that wait for an item, and writers that wait for room. */
  let waiting: (() => void)[] = []
  let ended: Promise<void> | undefined
  let isReleased = false

  function wake(): void {
    const woken = waiting
    waiting = []
    for (const go of woken) go()
  }

  const change = (): Promise<void> => new Promise((resolve) => waiting.push(resolve))
  const isFull = (): boolean => !isReleased && items.length >= max

  return {
    push(item) {
      if (ended !== undefined) return
      items.push(item)
      wake()
    },
    get isFull() {
      return isFull()
    },
    async room() {
      while (isFull()) await change()
    },
    async next() {
      while (items.length === 0) {
        if (ended !== undefined) return (await ended) as undefined
        await change()
      }
      wake()
      return items.shift()
    },
    release() {
      isReleased = true
      wake()
    },
    end(how) {
      ended = how
      isReleased = true
      wake()
    },
  }
}
