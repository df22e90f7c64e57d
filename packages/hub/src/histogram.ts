/** A distribution of values in plain numbers, so that counting costs almost nothing. */
export class Histogram {
  /** Upper bounds, ascending. */
  readonly bounds: readonly number[]
  /** For each bound, the number of values that it is the first to include. The last is for values beyond all bounds. */
  readonly counts: number[]
  sum = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0)
  }

  observe(value: number): void {
    let i = 0
    while (i < this.bounds.length && value > this.bounds[i]!) i += 1
    this.counts[i]! += 1
    this.sum += value
  }
}
