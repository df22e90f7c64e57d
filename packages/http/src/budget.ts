import { HttpError } from './errors.ts'

/** Budgets of memory that all clients share, by the settings that set them. */
export const MEMORY_LIMITS = ['max-bodies', 'max-history'] as const
export type MemoryLimit = (typeof MEMORY_LIMITS)[number]

const MAX_BYTES: Readonly<Record<MemoryLimit, number>> = {
  'max-bodies': 64 * 1024 * 1024,
  'max-history': 64 * 1024 * 1024,
}
const HELD_BY: Readonly<Record<MemoryLimit, string>> = {
  'max-bodies': 'request bodies that are being received',
  'max-history': 'history pages that are being sent',
}

/** Memory that all clients share. One address holds at most half, so that it cannot keep out the others. */
export class Budget {
  readonly limit: MemoryLimit
  readonly maxBytes: number
  readonly #heldBy = new Map<string, number>()
  #used = 0

  constructor(limit: MemoryLimit, maxBytes: number = MAX_BYTES[limit]) {
    this.limit = limit
    this.maxBytes = maxBytes
  }

  /** Bytes that are held now. */
  get used(): number {
    return this.#used
  }

  open(address: string): Holding {
    return new Holding(this, address)
  }

  /** @throws HttpError `busy` when there is no room for so much now */
  requireRoom(address: string, bytes: number): void {
    const mine = this.#heldBy.get(address) ?? 0
    if (this.#used + bytes <= this.maxBytes && mine + bytes <= this.maxBytes / 2) return
    const whose = this.#used + bytes <= this.maxBytes ? 'Half of the' : 'The'
    const detail = `${whose} memory for ${HELD_BY[this.limit]} is in use: try again later, or raise --${this.limit}.`
    throw new HttpError('busy', detail, { details: { limit: this.limit, maxBytes: this.maxBytes } })
  }

  change(address: string, bytes: number): void {
    this.#used += bytes
    const mine = (this.#heldBy.get(address) ?? 0) + bytes
    if (mine === 0) this.#heldBy.delete(address)
    else this.#heldBy.set(address, mine)
  }
}

/** What one request holds of a budget. */
export class Holding {
  readonly #budget: Budget
  readonly #address: string
  #bytes = 0
  #isOpen = true

  constructor(budget: Budget, address: string) {
    this.#budget = budget
    this.#address = address
  }

  /** @throws HttpError `busy` when there is no room for so much now */
  requireRoom(bytes: number): void {
    this.#budget.requireRoom(this.#address, bytes)
  }

  /** @throws HttpError `busy` when there is no room for it; what is held already stays so */
  add(bytes: number): void {
    if (!this.#isOpen) return
    this.requireRoom(bytes)
    this.#bytes += bytes
    this.#budget.change(this.#address, bytes)
  }

  /** Gives all of it back. What is added later counts for nothing. */
  release(): void {
    if (this.#isOpen && this.#bytes > 0) this.#budget.change(this.#address, -this.#bytes)
    this.#isOpen = false
  }
}
