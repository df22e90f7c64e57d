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
}

/** The offset in an id. */
export function offsetOf(id: string): number {
  return Number(id.split('.')[1])
}

/**
 * Knows every event: publisher `p` sends `p:0`, `p:1`, … to the topic `soak/p`, each after the previous one was
 * acknowledged. So the next event that a reader must receive from a publisher is known, and any other is a fault
 * with a name.
 */
export class Auditor {
  /** The offset of each event, for each publisher. */
  readonly #offsets = new Map<string, number[]>()
  readonly #readers: ReaderAudit[] = []
  #acknowledged = 0
  #repeats = 0
  #missing = 0
  readonly #trimmed: ReadonlySet<string>

  /** @param trimmed - publishers whose events are not kept: only theirs may be in a gap */
  constructor(trimmed: ReadonlySet<string>) {
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
  addReader(publishers: readonly string[]): ReaderAudit {
    const reader = new ReaderAudit(this, publishers)
    this.#readers.push(reader)
    return reader
  }

  /** Whether every reader has received everything. */
  get isDelivered(): boolean {
    return this.#readers.every((reader) => reader.left === 0)
  }

  /**
   * Checks the log for the events of a publisher at the end: only the last `kept` ones if retention has removed the
   * others.
   */
  compare(publisher: string, stored: readonly { id: string; data: string }[], kept = Infinity): void {
    const offsets = this.offsetsOf(publisher)
    const found = new Map(stored.map(({ id, data }) => [data, offsetOf(id)]))
    for (let n = Math.max(0, offsets.length - kept); n < offsets.length; n += 1) {
      if (found.get(`${publisher}:${n}`) !== offsets[n]) this.#missing += 1
    }
  }

  verdict(): Verdict {
    const sum = (of: (reader: ReaderAudit) => number): number =>
      this.#readers.reduce((total, reader) => total + of(reader), 0)
    return {
      acknowledged: this.#acknowledged,
      repeats: this.#repeats,
      delivered: sum(({ delivered }) => delivered),
      lost: this.#missing + sum(({ lost, left }) => lost + left),
      duplicated: sum(({ duplicated }) => duplicated),
      outOfOrder: sum(({ outOfOrder }) => outOfOrder),
      gaps: sum(({ gaps }) => gaps),
    }
  }
}

/** What one reader received, over all its connections. */
export class ReaderAudit {
  readonly publishers: readonly string[]
  readonly #auditor: Auditor
  /** The number of the next event of each publisher. */
  readonly #next = new Map<string, number>()
  #newest = 0
  /** For each publisher, the number of events at the time when the reader received a gap: these may be missing. */
  readonly #told = new Map<string, number>()
  delivered = 0
  lost = 0
  duplicated = 0
  outOfOrder = 0
  gaps = 0

  constructor(auditor: Auditor, publishers: readonly string[]) {
    this.#auditor = auditor
    this.publishers = publishers
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
    if (n < next) this.duplicated += 1
    else if (offset <= this.#newest) this.outOfOrder += 1
    this.lost += Math.max(0, n - this.#due(publisher))
    this.#next.set(publisher, Math.max(next, n + 1))
    this.#newest = Math.max(this.#newest, offset)
  }

  /** Acknowledged events that it has not received yet. */
  get left(): number {
    return this.publishers.reduce((sum, publisher) => {
      return sum + Math.max(0, this.#auditor.offsetsOf(publisher).length - this.#due(publisher))
    }, 0)
  }

  /** The first event of a publisher that it has not received and that no gap covers. */
  #due(publisher: string): number {
    return Math.max(this.#next.get(publisher) ?? 0, this.#told.get(publisher) ?? 0)
  }
}
