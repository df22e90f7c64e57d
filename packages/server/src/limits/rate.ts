/** How many keys are remembered. Beyond that, the one that was inactive for longest is forgotten. */
const MAX_KEYS = 100_000

interface Bucket {
  left: number
  at: number
}

/**
 * What each key may spend: a token bucket that holds the allowance of one second. A single purchase may exceed it;
 * the key must then wait until it has earned the rest.
 */
export class Rate {
  readonly #perSecond: number
  readonly #now: () => number
  readonly #buckets = new Map<string, Bucket>()

  /** @param perSecond - 0 means unlimited */
  constructor(perSecond: number, now: () => number = () => performance.now()) {
    this.#perSecond = perSecond
    this.#now = now
  }

  /** How long the key must wait before it may spend again, in milliseconds. 0 if it may spend now. */
  waitMs(key: string): number {
    if (this.#perSecond === 0) return 0
    const { left } = this.#bucketOf(key)
    return left > 0 ? 0 : Math.ceil(((1 - left) / this.#perSecond) * 1000)
  }

  spend(key: string, amount: number): void {
    if (this.#perSecond === 0) return
    const bucket = this.#bucketOf(key)
    bucket.left -= amount
    // Most recently used, so last to be forgotten.
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    if (this.#buckets.size > MAX_KEYS) this.#buckets.delete(this.#buckets.keys().next().value!)
  }

  #bucketOf(key: string): Bucket {
    const now = this.#now()
    const bucket = this.#buckets.get(key) ?? { left: this.#perSecond, at: now }
    bucket.left = Math.min(this.#perSecond, bucket.left + ((now - bucket.at) / 1000) * this.#perSecond)
    bucket.at = now
    return bucket
  }
}
