/** Counts what each key holds at the same time, up to a bound. It remembers only keys that hold something. */
export class Quota {
  readonly #max: number
  readonly #held = new Map<string, number>()

  /** @param max - 0 means unlimited */
  constructor(max: number) {
    this.#max = max
  }

  /** @returns a function that releases it, once; undefined if the key already holds the maximum */
  take(key: string): (() => void) | undefined {
    const held = this.#held.get(key) ?? 0
    if (this.#max > 0 && held >= this.#max) return undefined
    this.#held.set(key, held + 1)
    let isHeld = true
    return () => {
      if (isHeld) this.#release(key)
      isHeld = false
    }
  }

  #release(key: string): void {
    const held = this.#held.get(key)! - 1
    if (held === 0) this.#held.delete(key)
    else this.#held.set(key, held)
  }
}
