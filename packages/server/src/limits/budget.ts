import { HttpError } from '../http/problem.ts'

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

/** What one request holds of a budget. */
export interface Holding {
  /** @throws HttpError `busy` when there is no room for so much now */
  requireRoom(bytes: number): void
  /** @throws HttpError `busy` when there is no room for it; the rest stays held */
  add(bytes: number): void
  /** Gives all of it back. Later calls do nothing. */
  release(): void
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
    let held = 0
    let isOpen = true
    return {
      requireRoom: (bytes) => this.#requireRoom(address, bytes),
      add: (more) => {
        if (!isOpen) return
        this.#requireRoom(address, more)
        held += more
        this.#change(address, more)
      },
      release: () => {
        if (isOpen && held > 0) this.#change(address, -held)
        isOpen = false
      },
    }
  }

  #requireRoom(address: string, bytes: number): void {
    const mine = this.#heldBy.get(address) ?? 0
    if (this.#used + bytes <= this.maxBytes && mine + bytes <= this.maxBytes / 2) return
    const whose = this.#used + bytes <= this.maxBytes ? 'Half of the' : 'The'
    const detail = `${whose} memory for ${HELD_BY[this.limit]} is in use: try again later, or raise --${this.limit}.`
    throw new HttpError('busy', detail, { limit: this.limit, maxBytes: this.maxBytes })
  }

  #change(address: string, bytes: number): void {
    this.#used += bytes
    const mine = (this.#heldBy.get(address) ?? 0) + bytes
    if (mine === 0) this.#heldBy.delete(address)
    else this.#heldBy.set(address, mine)
  }
}
