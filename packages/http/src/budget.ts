import { networkOf } from '@tailrace/hub'
import { HttpError } from './errors.ts'

/** Memory budgets shared by all clients, named after their settings. */
export const MEMORY_LIMITS = ['max-bodies', 'max-history'] as const
/** The setting that bounds a memory budget. */
export type MemoryLimit = (typeof MEMORY_LIMITS)[number]

const MAX_BYTES: Readonly<Record<MemoryLimit, number>> = {
  'max-bodies': 64 * 1024 * 1024,
  'max-history': 64 * 1024 * 1024,
}
const HELD_BY: Readonly<Record<MemoryLimit, string>> = {
  'max-bodies': 'request bodies being received',
  'max-history': 'history pages being sent',
}

/**
 * Memory that all clients share. One network (an IPv4 address, or the first 64 bits of an IPv6 address) may hold at
 * most half, so that it cannot keep out the others.
 */
export class Budget {
  readonly limit: MemoryLimit
  readonly maxBytes: number
  readonly #heldBy = new Map<string, number>()
  #used = 0

  constructor(limit: MemoryLimit, maxBytes: number = MAX_BYTES[limit]) {
    this.limit = limit
    this.maxBytes = maxBytes
  }

  /** Bytes held now. */
  get used(): number {
    return this.#used
  }

  open(address: string): Holding {
    return new Holding(this, networkOf(address))
  }

  hasRoom(address: string, bytes: number): boolean {
    const mine = this.#heldBy.get(address) ?? 0
    return this.#used + bytes <= this.maxBytes && mine + bytes <= this.maxBytes / 2
  }

  /** @throws HttpError `busy` if there is not enough room now */
  requireRoom(address: string, bytes: number): void {
    if (this.hasRoom(address, bytes)) return
    const state = this.#used + bytes <= this.maxBytes ? 'is half used by this address' : 'is all in use'
    const detail = `The memory for ${HELD_BY[this.limit]} ${state}: try again later, or raise --${this.limit}.`
    throw new HttpError('busy', detail, { details: { limit: this.limit, maxBytes: this.maxBytes } })
  }

  change(address: string, bytes: number): void {
    this.#used += bytes
    const mine = (this.#heldBy.get(address) ?? 0) + bytes
    if (mine === 0) this.#heldBy.delete(address)
    else this.#heldBy.set(address, mine)
  }
}

/** The part of a budget that one request holds. */
export class Holding {
  readonly #budget: Budget
  readonly #address: string
  #bytes = 0
  #isOpen = true

  constructor(budget: Budget, address: string) {
    this.#budget = budget
    this.#address = address
  }

  hasRoom(bytes: number): boolean {
    return this.#budget.hasRoom(this.#address, bytes)
  }

  /** @throws HttpError `busy` if there is not enough room now */
  requireRoom(bytes: number): void {
    this.#budget.requireRoom(this.#address, bytes)
  }

  /** @throws HttpError `busy` if there is not enough room; what is held already stays held */
  add(bytes: number): void {
    if (!this.#isOpen) return
    this.requireRoom(bytes)
    this.#bytes += bytes
    this.#budget.change(this.#address, bytes)
  }

  /** Releases all of it. Later additions have no effect. */
  release(): void {
    if (this.#isOpen && this.#bytes > 0) this.#budget.change(this.#address, -this.#bytes)
    this.#isOpen = false
  }
}
