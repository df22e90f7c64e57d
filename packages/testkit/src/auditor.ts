/** Descriptions of faults that are kept; the numbers of a verdict count all of them. */
const MAX_FAULTS = 20

/** The requirement for each event: every reader receives it once and in order, or receives a gap that covers it. */
export interface Verdict {
  /** Events that the hub acknowledged to their publisher. */
  readonly acknowledged: number
  /** Those of them that were stored by an attempt whose response was lost. */
  readonly repeats: number
  /** Events that were delivered, counted for all readers together. */
  readonly delivered: number
  /** Acknowledged, but neither delivered nor covered by a gap that the reader received; or missing from the log. */
  readonly lost: number
  readonly duplicated: number
  readonly outOfOrder: number
  /** Gaps that readers received. */
  readonly gaps: number
  /** The first faults: which event, which reader, and what it received before. */
  readonly faults: readonly string[]
}

/** The offset in an id. */
function offsetOf(id: string): number {
  return Number(id.split('.')[1])
}

/**
 * Knows every event: publisher `p` sends `p:0`, `p:1`, …, each after the previous one was acknowledged. So the next
 * event that a reader must receive from a publisher is known, and any other is a fault with a name.
 */
export class Auditor {
  /** The offset of each event, for each publisher. */
  readonly #offsets = new Map<string, number[]>()
  readonly #readers: ReaderAudit[] = []
  #acknowledged = 0
  #repeats = 0
  #missing = 0
  #storedAgain = 0
  readonly #faults: string[] = []
  readonly #trimmed: ReadonlySet<string>

  /** @param trimmed - publishers whose events are not kept: only theirs may be in a gap */
  constructor(trimmed: ReadonlySet<string> = new Set()) {
    this.#trimmed = trimmed
  }

  acknowledge(publisher: string, n: number, id: string, isRepeat: boolean): void {
    const offsets = this.offsetsOf(publisher)
    if (offsets.length !== n) throw new Error(`${publisher} published ${n} after ${offsets.length} events`)
    offsets.push(offsetOf(id))
    this.#offsets.set(publisher, offsets)
    this.#acknowledged += 1
    if (isRepeat) this.#repeats += 1
  }

  offsetsOf(publisher: string): number[] {
    return this.#offsets.get(publisher) ?? []
  }

  isTrimmed(publisher: string): boolean {
    return this.#trimmed.has(publisher)
  }

  /** A reader of these publishers, from the first event on. */
  addReader(publishers: readonly string[], name: string = `reader ${this.#readers.length}`): ReaderAudit {
    const reader = new ReaderAudit(this, publishers, name)
    this.#readers.push(reader)
    return reader
  }

  /** Whether every reader has received everything. */
  get isDelivered(): boolean {
    return this.#readers.every((reader) => reader.left === 0)
  }

  /**
   * Checks the log for the events of a publisher at the end: each once and in order, and only the last `kept` ones if
   * retention has removed the others.
   */
  compare(publisher: string, stored: readonly { id: string; data: string }[], kept: number = Infinity): void {
    const offsets = this.offsetsOf(publisher)
    const found = new Map<string, number>()
    for (const { id, data } of stored) {
      if (found.has(data)) {
        this.#storedAgain += 1
        this.report(`the log: ${data} is stored as ${found.get(data)}, and again as ${offsetOf(id)}`)
      } else {
        found.set(data, offsetOf(id))
      }
    }
    for (let n = Math.max(0, offsets.length - kept); n < offsets.length; n += 1) {
      const offset = found.get(`${publisher}:${n}`)
      if (offset === offsets[n]) continue
      this.#missing += 1
      this.report(
        `the log: ${publisher}:${n} was acknowledged as ${offsets[n]}, and is ${offset ?? 'missing'}`,
      )
    }
  }

  /** Keeps a description of a fault. */
  report(fault: string): void {
    if (this.#faults.length < MAX_FAULTS) this.#faults.push(fault)
  }

  verdict(): Verdict {
    const sum = (of: (reader: ReaderAudit) => number): number =>
      this.#readers.reduce((total, reader) => total + of(reader), 0)
    const left = this.#readers.flatMap((reader) => reader.missing())
    return {
      acknowledged: this.#acknowledged,
      repeats: this.#repeats,
      delivered: sum(({ delivered }) => delivered),
      lost: this.#missing + sum((reader) => reader.lost + reader.left),
      duplicated: this.#storedAgain + sum(({ duplicated }) => duplicated),
      outOfOrder: sum(({ outOfOrder }) => outOfOrder),
      gaps: sum(({ gaps }) => gaps),
      faults: [...this.#faults, ...left].slice(0, MAX_FAULTS),
    }
  }
}

/** What one reader received, over all its connections. */
export class ReaderAudit {
  readonly publishers: readonly string[]
  readonly name: string
  readonly #auditor: Auditor
  /** The number of the next event of each publisher. */
  readonly #next = new Map<string, number>()
  #newest = 0
  #last = 'nothing'
  /** For each publisher, the number of events at the time when the reader received a gap: these may be missing. */
  readonly #told = new Map<string, number>()
  delivered = 0
  lost = 0
  duplicated = 0
  outOfOrder = 0
  gaps = 0

  constructor(auditor: Auditor, publishers: readonly string[], name: string) {
    this.#auditor = auditor
    this.publishers = publishers
    this.name = name
  }

  /**
   * A gap does not say which topic it affects, nor how far it reaches. So it covers everything published so far to
   * the topics whose events are trimmed, and nothing of the others.
   */
  tellGap(): void {
    this.gaps += 1
    for (const publisher of this.publishers) {
      if (this.#auditor.isTrimmed(publisher))
        this.#told.set(publisher, this.#auditor.offsetsOf(publisher).length)
    }
  }

  deliver(data: string, id: string): void {
    const [publisher, number] = data.split(':') as [string, string]
    const [n, offset] = [Number(number), offsetOf(id)]
    const next = this.#next.get(publisher) ?? 0
    this.delivered += 1
    const late = offset <= this.#newest
    const skipped = Math.max(0, n - this.#due(publisher))
    if (n < next) this.duplicated += 1
    else if (late) this.outOfOrder += 1
    this.lost += skipped
    if (n < next || late || skipped > 0) {
      const what =
        n < next ? 'repeats' : late ? 'is out of order after' : `comes without ${skipped} before it, after`
      this.#auditor.report(`${this.name}: ${data} as ${offset} ${what} ${this.#last}`)
    }
    this.#next.set(publisher, Math.max(next, n + 1))
    this.#newest = Math.max(this.#newest, offset)
    this.#last = `${data} as ${offset}`
  }

  /** Acknowledged events that it has not received yet. */
  get left(): number {
    return this.publishers.reduce((sum, publisher) => {
      return sum + Math.max(0, this.#auditor.offsetsOf(publisher).length - this.#due(publisher))
    }, 0)
  }

  /** Whether it has received so many events of each of its publishers. */
  hasReceived(counts: ReadonlyMap<string, number>): boolean {
    return this.publishers.every((publisher) => this.#due(publisher) >= (counts.get(publisher) ?? 0))
  }

  /** The first event that it has not received yet, for each publisher, in words. */
  missing(): string[] {
    return this.publishers.flatMap((publisher) => {
      const offsets = this.#auditor.offsetsOf(publisher)
      const due = this.#due(publisher)
      if (due >= offsets.length) return []
      const count = offsets.length - due
      return `${this.name}: ${publisher}:${due} as ${offsets[due]}, and ${count - 1} after it, never came; the last was ${this.#last}`
    })
  }

  /** The first event of a publisher that it has not received and that no gap covers. */
  #due(publisher: string): number {
    return Math.max(this.#next.get(publisher) ?? 0, this.#told.get(publisher) ?? 0)
  }
}
