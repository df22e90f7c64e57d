import type { DatabaseSync } from 'node:sqlite'
import { isPattern, literalPrefix, matches } from '../selector.ts'
import { AFTER_EVERY_TOPIC } from '../topic.ts'
import { PURGED_PREFIX } from './topic-table.ts'

/** The topics that some selectors select, as of now. */
export interface FoundTopics {
  /** Names by id; `undefined` stands for every topic. */
  readonly topics: ReadonlyMap<number, string> | undefined
  /** As in `Page.lostThrough`. */
  readonly lostThrough: number
}

export interface TopicFinder {
  find(selectors: readonly string[]): FoundTopics
}

/** Finds topics through the index on their names: a pattern costs what starts with its literal segments. */
export function createTopicFinder(db: DatabaseSync): TopicFinder {
  const floor = db.prepare(`SELECT value FROM meta WHERE name = 'floor'`)
  const everyTrimmed = db.prepare('SELECT max(trimmed) AS trimmed FROM topics')
  const byName = db.prepare('SELECT id, name, trimmed FROM topics WHERE name = ?')
  const byPrefix = db.prepare(
    'SELECT id, name, trimmed FROM topics WHERE name = ? OR (name >= ? AND name < ?)',
  )

  function* rows(selector: string): Iterable<Record<string, unknown>> {
    if (!isPattern(selector)) {
      yield* byName.iterate(selector)
      return
    }
    const prefix = literalPrefix(selector)
    const [from, to] = prefix === '' ? ['', AFTER_EVERY_TOPIC] : [`${prefix}/`, `${prefix}0`] // 0 follows / in ASCII
    for (const row of byPrefix.iterate(prefix, from, to)) {
      const name = String(row['name'])
      if (!name.startsWith(PURGED_PREFIX) && matches(selector, name)) yield row
    }
  }

  return {
    find(selectors) {
      const lowest = Number(floor.get()!['value'])
      if (selectors.includes('**')) {
        return { topics: undefined, lostThrough: Math.max(lowest, Number(everyTrimmed.get()!['trimmed'])) }
      }
      const topics = new Map<number, string>()
      let lostThrough = 0
      for (const selector of selectors) {
        let known = false
        for (const row of rows(selector)) {
          topics.set(Number(row['id']), String(row['name']))
          lostThrough = Math.max(lostThrough, Number(row['trimmed']))
          known = true
        }
        // What has no row may have had one: the floor is all that is still known of it.
        if (!known || isPattern(selector)) lostThrough = Math.max(lostThrough, lowest)
      }
      return { topics, lostThrough }
    },
  }
}
