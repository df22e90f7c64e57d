import { compareCodePoints } from '../code-points.ts'
import type { Note, NoteQuery } from '../event-log.ts'

/** Maximum notes in a memory log. Beyond that, the oldest are removed. */
const MAX_NOTES = 100_000

/** The notes of a memory log. */
export class Notes {
  /** Oldest first. */
  readonly #untilByKey = new Map<string, number>()

  /** @returns whether the key was not noted at that time */
  add({ key, until }: Note, now: number): boolean {
    const before = this.#untilByKey.get(key) ?? -Infinity
    this.#untilByKey.set(key, Math.max(before, until))
    if (this.#untilByKey.size > MAX_NOTES) this.#untilByKey.delete(this.#untilByKey.keys().next().value!)
    return before <= now
  }

  find({ prefix, after, limit }: NoteQuery, now: number): Note[] {
    return [...this.#untilByKey]
      .filter(([key, until]) => key.startsWith(prefix) && until > now && compareCodePoints(key, after) > 0)
      .toSorted(([a], [b]) => compareCodePoints(a, b))
      .slice(0, limit)
      .map(([key, until]) => ({ key, until }))
  }

  expire(now: number): void {
    for (const [key, until] of this.#untilByKey) if (until <= now) this.#untilByKey.delete(key)
  }
}
