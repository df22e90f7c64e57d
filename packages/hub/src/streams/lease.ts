import { capabilityOf } from '@tailrace/log'
import type { EventLog, SharedState } from '@tailrace/log'
import { RENEWALS } from './terms.ts'

/**
 * How long a note lives without being renewed, in milliseconds: far longer than the lease, so that it does not matter
 * whether the clocks of nodes and of the engine agree.
 */
const NOTE_LIFE_MS = 60 * 60 * 1000

/**
 * Shows other hubs that this one is alive, for all streams that it produces together. The note's time is a counter rather
 * than a time: what shows life is that it grows, so no clock is compared with another.
 */
export class Lease {
  readonly #log: EventLog
  readonly #key: string
  readonly #renewMs: number
  readonly #report: (error: unknown) => void
  #holders = 0
  #until = 0
  /** When the newest note was begun, by the monotonic clock. */
  #freshAt = Number.NEGATIVE_INFINITY
  #renewing: Promise<void> | undefined
  #timer: ReturnType<typeof setInterval> | undefined

  constructor(log: EventLog, producer: string, leaseMs: number, report: (error: unknown) => void) {
    this.#log = log
    this.#key = keyOf(producer)
    this.#renewMs = leaseMs / RENEWALS
    this.#report = report
  }

  /** Keeps renewing it, until it was released as often as it was held. */
  hold(): void {
    this.#holders += 1
    this.#timer ??= setInterval(() => this.renew(), this.#renewMs)
  }

  /** Renews it now, unless that was done recently. */
  refresh(): void {
    if (performance.now() - this.#freshAt >= this.#renewMs) this.renew()
  }

  release(): void {
    this.#holders -= 1
    if (this.#holders === 0) this.stop()
  }

  /** Renews it now, if it is held: the log may have been interrupted. */
  renew(): void {
    if (this.#timer !== undefined) this.#renew().catch(this.#report)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #renew(): Promise<void> {
    this.#renewing ??= this.#note().finally(() => {
      this.#renewing = undefined
    })
    return this.#renewing
  }

  async #note(): Promise<void> {
    const at = performance.now()
    this.#until = Math.max(this.#until + 1, Date.now() + NOTE_LIFE_MS)
    await capabilityOf(this.#log, 'shared').note({ key: this.#key, until: this.#until })
    this.#freshAt = at
  }
}

/** What a lease shows now. It is another value after each renewal. Undefined if the producer has been gone for long. */
export async function readLease(shared: SharedState, producer: string): Promise<number | undefined> {
  const [note] = await shared.notes({ prefix: keyOf(producer), after: '', limit: 1 })
  return note?.until
}

/** Whether any hub has held a lease within the life of a note. */
export async function hasProducers(shared: SharedState): Promise<boolean> {
  return (await shared.notes({ prefix: keyOf(''), after: '', limit: 1 })).length > 0
}

/** Producers have names of the same length, so none of these keys is the beginning of another one. */
function keyOf(producer: string): string {
  return `stream-producer/${producer}`
}
