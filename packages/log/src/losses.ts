import type { Selection } from './selection.ts'
import type { Slice } from './slice.ts'

/** Maximum sets of patterns whose losses are remembered. Beyond that, the least recently read are forgotten. */
const MAX_REMEMBERED = 1_000

/** As in `Page`. */
export interface Loss {
  readonly lostThrough: number
  readonly losses: number
}

/** What a topic has lost. */
export interface TopicLoss extends Loss {
  /** Undefined if the topic was purged since. */
  readonly topic: string | undefined
  /** Distinguishes topics that have the same `losses`. */
  readonly id: number
}

/** How far the topics that lost something were examined, in the order of `losses`, then of `id`. */
export type LossPlace = Pick<TopicLoss, 'losses' | 'id'>

interface Known extends Loss {
  readonly place: LossPlace
}

const NOTHING: Known = { place: { losses: 0, id: 0 }, lostThrough: 0, losses: 0 }

/**
 * Remembers what patterns have lost. Each removal gives its topic a larger `losses`, so a pattern that was asked for
 * before only examines topics that have lost something since.
 */
export class PatternLosses {
  readonly #known = new Map<string, Known>()
  readonly #after: (place: LossPlace) => Iterable<TopicLoss>

  /** @param after the topics after a position, in order */
  constructor(after: (place: LossPlace) => Iterable<TopicLoss>) {
    this.#after = after
  }

  /** @returns undefined if the slice ended before everything was examined: the next call continues there */
  of(patterns: readonly string[], selection: Selection, slice: Slice): Loss | undefined {
    const key = JSON.stringify(patterns)
    let { place, lostThrough, losses } = this.#known.get(key) ?? NOTHING
    let isWhole = true
    for (const lost of this.#after(place)) {
      if (!isWhole) break
      place = { losses: lost.losses, id: lost.id }
      if (lost.topic !== undefined && selection.matches(lost.topic)) {
        lostThrough = Math.max(lostThrough, lost.lostThrough)
        losses = Math.max(losses, lost.losses)
      }
      isWhole = slice.spend()
    }
    this.#remember(key, { place, lostThrough, losses })
    return isWhole ? { lostThrough, losses } : undefined
  }

  #remember(key: string, known: Known): void {
    this.#known.delete(key)
    this.#known.set(key, known)
    if (this.#known.size > MAX_REMEMBERED) this.#known.delete(this.#known.keys().next().value!)
  }
}
