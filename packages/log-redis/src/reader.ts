import { isPattern, literalPrefix } from '@tailrace/log'
import type { Page, Query } from '@tailrace/log'

import type { Reply } from './connection.ts'
import { toEntry } from './entry.ts'
import { READ } from './scripts/read.ts'
import type { RedisSession } from './session.ts'

/** Maximum sets of patterns whose losses are remembered. Beyond that, the least recently read are forgotten. */
const MAX_REMEMBERED = 1_000

/** What patterns have lost, up to a place in the order in which topics have lost something. */
interface PatternLoss {
  readonly place: number
  readonly lostThrough: number
  readonly losses: number
}

const NOTHING: PatternLoss = { place: 0, lostThrough: 0, losses: 0 }

/** Reads pages. Remembers what patterns have lost, so that each loss is looked at once. */
export class Reader {
  readonly #lost = new Map<string, PatternLoss>()

  /** @param kind all events, or only the newest of each key */
  async page(session: () => RedisSession, kind: 'all' | 'newest', query: Query): Promise<Page> {
    const { selectors, after, limit, maxBytes } = query
    const patterns = selectors.filter(isPattern)
    const named = [...new Set(selectors.filter((selector) => !isPattern(selector)))]
    const prefixes = prefixesOf(patterns)
    const name = patterns.length > 0 ? JSON.stringify(patterns) : undefined
    for (;;) {
      const { place, lostThrough, losses } =
        (name === undefined ? undefined : this.#lost.get(name)) ?? NOTHING
      const bounds = [kind, after, limit, maxBytes, place, lostThrough, losses]
      const counts = [named.length, patterns.length, prefixes.length]
      const answer = await session().run(READ, [...bounds, ...counts, ...named, ...patterns, ...prefixes])
      const isPage = answer[0] === 'page'
      if (name !== undefined) this.#remember(name, answer.slice(isPage ? 6 : 1))
      if (isPage) return toPage(answer)
    }
  }

  #remember(name: string, values: readonly Reply[]): void {
    const [place, lostThrough, losses] = values.map(Number) as [number, number, number]
    this.#lost.delete(name)
    this.#lost.set(name, { place, lostThrough, losses })
    if (this.#lost.size > MAX_REMEMBERED) this.#lost.delete(this.#lost.keys().next().value!)
  }
}

function toPage([, next, more, entries, lostThrough, losses]: readonly Reply[]): Page {
  return {
    events: (entries as readonly Reply[]).map((entry) => toEntry(entry).event!),
    next: Number(next),
    more: more === 1,
    lostThrough: Number(lostThrough),
    losses: Number(losses),
  }
}

/** The prefixes of all topics that some patterns select, without those that are below another one. */
function prefixesOf(patterns: readonly string[]): string[] {
  const all = patterns.map(literalPrefix)
  if (all.includes('')) return ['']
  const prefixes: string[] = []
  // With its slash, a prefix sorts right before everything below it.
  for (const folder of all.map((prefix) => `${prefix}/`).toSorted()) {
    const last = prefixes.at(-1)
    if (last === undefined || !folder.startsWith(`${last}/`)) prefixes.push(folder.slice(0, -1))
  }
  return prefixes
}
