import type { DatabaseSync } from 'node:sqlite'
import type { Loss } from '../losses.ts'
import { PatternLosses } from '../losses.ts'
import { Selection } from '../selection.ts'
import { isPattern, literalPrefix } from '../selector.ts'
import { Slice } from '../slice.ts'
import { AFTER_EVERY_TOPIC } from '../topic.ts'
import { PURGED_PREFIX } from './topic-table.ts'

/** Maximum names that a page examines to find its topics. If there are more, it walks the log instead. */
const MAX_NAMES = 1_000

/** The selectors of a query: its patterns, and the topics that it names completely. */
export interface Wanted {
  readonly patterns: readonly string[]
  readonly named: readonly NamedTopic[]
}

interface NamedTopic {
  readonly name: string
  /** Undefined if the log has no such topic. */
  readonly id: number | undefined
  readonly loss: Loss
}

export interface TopicFinder {
  /** Looks up the topics that are named completely, once for everything that a page needs to know about them. */
  lookUp(selectors: readonly string[]): Wanted
  /** The names of the selected topics by id. Undefined if there may be too many to examine. */
  find(wanted: Wanted, selection: Selection): ReadonlyMap<number, string> | undefined
  /** The losses of the selected topics. Undefined if the slice ended before they were known: call again to continue. */
  lossOf(wanted: Wanted, slice: Slice): Loss | undefined
}

/**
 * Finds topics through the index on their names: the cost of a pattern depends on the names that start with its
 * literal segments.
 */
export function createTopicFinder(db: DatabaseSync): TopicFinder {
  const floor = db.prepare(
    `SELECT (SELECT value FROM meta WHERE name = 'floor') AS trimmed, (SELECT value FROM meta WHERE name = 'floor_at') AS lost_at`,
  )
  const byName = db.prepare('SELECT id, name, trimmed, lost_at FROM topics WHERE name = ?')
  const byPrefix = db.prepare('SELECT id, name FROM topics WHERE name = ? OR (name >= ? AND name < ?)')
  const byLoss = db.prepare(
    `SELECT id, name, trimmed, lost_at FROM topics INDEXED BY topics_by_loss
     WHERE lost_at > 0 AND (lost_at, id) > (?, ?) ORDER BY lost_at, id`,
  )

  const patternLosses = new PatternLosses(function* ({ losses, id }) {
    for (const row of byLoss.iterate(losses, id)) {
      const name = String(row['name'])
      const topic = name.startsWith(PURGED_PREFIX) ? undefined : name
      yield { topic, id: Number(row['id']), ...lossIn(row) }
    }
  })

  function* below(prefix: string): Iterable<{ id: number; name: string }> {
    const [from, to] = prefix === '' ? ['', AFTER_EVERY_TOPIC] : [`${prefix}/`, `${prefix}0`] // 0 follows / in ASCII
    for (const row of byPrefix.iterate(prefix, from, to)) {
      yield { id: Number(row['id']), name: String(row['name']) }
    }
  }

  return {
    lookUp: (selectors) => ({
      patterns: selectors.filter(isPattern),
      named: selectors
        .filter((selector) => !isPattern(selector))
        .map((name) => {
          const row = byName.get(name)
          return { name, id: row && Number(row['id']), loss: lossIn(row ?? floor.get()!) }
        }),
    }),

    find({ patterns, named }, selection) {
      const topics = new Map<number, string>()
      let looked = 0
      const looking = new Slice()
      for (const prefix of prefixesOf(patterns)) {
        for (const { id, name } of below(prefix)) {
          looked += 1
          if (looked > MAX_NAMES || !looking.spend()) return undefined
          if (!name.startsWith(PURGED_PREFIX) && selection.matches(name)) topics.set(id, name)
        }
      }
      for (const { id, name } of named) if (id !== undefined) topics.set(id, name)
      return topics
    },

    lossOf({ patterns, named }, slice) {
      const found = named.map(({ loss }) => loss)
      if (patterns.length > 0) {
        const loss = patternLosses.of(patterns, new Selection(patterns), slice)
        if (loss === undefined) return undefined
        // A topic without a row may have had one: only the floor is still known about it.
        found.push(loss, lossIn(floor.get()!))
      }
      return {
        lostThrough: Math.max(...found.map(({ lostThrough }) => lostThrough)),
        losses: Math.max(...found.map(({ losses }) => losses)),
      }
    },
  }
}

function lossIn(row: Record<string, unknown>): Loss {
  return { lostThrough: Number(row['trimmed']), losses: Number(row['lost_at']) }
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
