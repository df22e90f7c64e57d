/** The output of histogram.h: nanoseconds, in buckets of which 64 share each power of two. */
export interface HistogramText {
  readonly max: number
  readonly buckets: readonly (readonly [index: number, count: number])[]
}

export class Histogram {
  readonly #counts = new Map<number, number>()
  #maxNs = 0
  #total = 0

  add({ max, buckets }: HistogramText): this {
    this.#maxNs = Math.max(this.#maxNs, max)
    for (const [index, count] of buckets) {
      this.#counts.set(index, (this.#counts.get(index) ?? 0) + count)
      this.#total += count
    }
    return this
  }

  get total(): number {
    return this.#total
  }

  get maxMs(): number {
    return this.#maxNs / 1e6
  }

  /** The upper edge of the bucket that contains the quantile, so never flattering. NaN if nothing was counted. */
  quantileMs(quantile: number): number {
    if (this.#total === 0) return Number.NaN
    const rank = Math.ceil(quantile * this.#total)
    let seen = 0
    for (const [index, count] of [...this.#counts].toSorted(([a], [b]) => a - b)) {
      seen += count
      if (seen >= rank) return Math.min(upperEdgeNs(index), this.#maxNs) / 1e6
    }
    return this.maxMs
  }
}

function upperEdgeNs(index: number): number {
  if (index < 128) return index
  const shift = Math.floor(index / 64) - 1
  return (index - shift * 64 + 1) * 2 ** shift
}
