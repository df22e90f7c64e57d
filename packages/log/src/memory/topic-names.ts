/** The names of topics in code point order. They are sorted when they are needed. */
export class TopicNames {
  #names: string[] = []
  readonly #deleted = new Set<string>()
  #isSorted = true

  add(name: string): void {
    if (this.#deleted.delete(name)) return
    this.#names.push(name)
    this.#isSorted = false
  }

  delete(name: string): void {
    this.#deleted.add(name)
    if (this.#deleted.size * 2 <= this.#names.length) return
    this.#names = this.#names.filter((one) => !this.#deleted.has(one))
    this.#deleted.clear()
  }

  /** The names after another one that start with a prefix. */
  *after(name: string, prefix: string): Iterable<string> {
    // New names are at the end: sorting a list that is almost sorted is cheap.
    if (!this.#isSorted) this.#names.sort(compare)
    this.#isSorted = true
    const names = this.#names
    const first = compare(name, prefix) < 0 ? this.#indexOf(prefix, 0) : this.#indexOf(name, 1)
    for (let i = first; i < names.length && names[i]!.startsWith(prefix); i += 1) {
      if (!this.#deleted.has(names[i]!)) yield names[i]!
    }
  }

  /** The index of the first name that is equal to or greater than (0), or greater than (1), another one. */
  #indexOf(name: string, least: 0 | 1): number {
    let low = 0
    let high = this.#names.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (compare(this.#names[middle]!, name) >= least) high = middle
      else low = middle + 1
    }
    return low
  }
}

/** By code point, which is the order of UTF-8 but not of UTF-16. @returns -1, 0 or 1 */
function compare(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length)
  for (let i = 0; i < shorter; i += 1) {
    const [x, y] = [rankOf(a.charCodeAt(i)), rankOf(b.charCodeAt(i))]
    if (x !== y) return Math.sign(x - y)
  }
  return Math.sign(a.length - b.length)
}

/** Surrogates stand for code points after all others. */
function rankOf(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}
