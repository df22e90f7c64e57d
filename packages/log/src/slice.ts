/** Maximum rows that one call examines. */
const MAX_ROWS = 4_096
/** Time after which a call stops, in milliseconds, unless it has examined almost nothing. */
const MAX_MS = 8
/** Few, since a row may be dear: a hundred patterns of a hundred segments take half a millisecond for a topic. */
const MIN_ROWS = 16

/** The work that one read may do before others get their turn. */
export class Slice {
  readonly #began: number = performance.now()
  #rows = 0

  /** Counts an examined row. @returns whether there is time for another one */
  spend(): boolean {
    this.#rows += 1
    return !this.isOver
  }

  get isOver(): boolean {
    if (this.#rows < MIN_ROWS) return false
    return this.#rows >= MAX_ROWS || performance.now() - this.#began >= MAX_MS
  }
}
