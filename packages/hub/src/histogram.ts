/** How often values were how large. Plain numbers, so that whoever counts pays next to nothing. */
export class Histogram {
  /** Upper bounds, ascending. */
  readonly bounds: readonly number[]
  /** How many values each bound is the first to hold; the last is of those beyond all bounds. */
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
