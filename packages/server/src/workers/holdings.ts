import { LocalLedger } from '../limits/ledger.ts'
import type { Claim } from '../limits/ledger.ts'

/** What all workers hold together. What a worker held that is gone is released. */
export class Holdings {
  readonly #ledger = new LocalLedger()
  readonly #sockets = new Map<number, number>()

  /** For one process. */
  open(worker: number): Holder {
    return new Holder(worker, this.#ledger, this.#sockets)
  }

  /** The connections of one worker, as of its last report. */
  socketsOf(worker: number): number {
    return this.#sockets.get(worker) ?? 0
  }

  /** The connections of all workers but one. */
  socketsBesides(worker: number): number {
    let sum = 0
    for (const [other, count] of this.#sockets) if (other !== worker) sum += count
    return sum
  }
}

/** What one process holds, for as long as it is there. Its messages may arrive after its end. */
export class Holder {
  readonly #worker: number
  readonly #ledger: LocalLedger
  readonly #sockets: Map<number, number>
  readonly #held = new Map<number, () => void>()
  isOpen = true

  constructor(worker: number, ledger: LocalLedger, sockets: Map<number, number>) {
    this.#worker = worker
    this.#ledger = ledger
    this.#sockets = sockets
  }

  /** @returns the place of a claim that exceeds its bound */
  readonly take = (id: number, claims: readonly Claim[]): number | undefined => {
    if (!this.isOpen) return undefined
    const grant = this.#ledger.take(claims)
    if ('exceeded' in grant) return grant.exceeded
    this.#held.set(id, grant.release)
    return undefined
  }

  readonly release = (id: number): void => {
    this.#held.get(id)?.()
    this.#held.delete(id)
  }

  setSockets(count: number): void {
    if (this.isOpen) this.#sockets.set(this.#worker, count)
  }

  /** Releases everything. */
  close(): void {
    this.isOpen = false
    for (const release of this.#held.values()) release()
    this.#held.clear()
    this.#sockets.delete(this.#worker)
  }
}
