import type { DatabaseSync } from 'node:sqlite'
import { isPattern, literalPrefix, matches } from '../selector.ts'
import { AFTER_EVERY_TOPIC } from '../topic.ts'
import { PURGED_PREFIX } from './topic-table.ts'

/** The topics that some selectors select, as of now. */
export interface FoundTopics {
  /** Names by id; `undefined` stands for every topic. */
  readonly topics: ReadonlyMap<number, string> | undefined
  /** As in `Page`. */
  readonly lostThrough: number
  readonly losses: number
}

export interface TopicFinder {
  find(selectors: readonly string[]): FoundTopics
}

/** Finds topics through the index on their names: a pattern costs what starts with its literal segments. */
export function createTopicFinder(db: DatabaseSync): TopicFinder {
  const floor = db.prepare(
    `SELECT (SELECT value FROM meta WHERE name = 'floor') AS trimmed, (SELECT value FROM meta WHERE name = 'floor_at') AS lost_at`,
  )
  const every = db.prepare('SELECT max(trimmed) AS trimmed, max(lost_at) AS lost_at FROM topics')
  const byName = db.prepare('SELECT id, name, trimmed, lost_at FROM topics WHERE name = ?')
  const byPrefix = db.prepare(
    'SELECT id, name, trimmed, lost_at FROM topics WHERE name = ? OR (name >= ? AND name < ?)',
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
      const lowest = floor.get()!
      let lostThrough = 0
      let losses = 0
      const count = (row: Record<string, unknown>): void => {
        lostThrough = Math.max(lostThrough, Number(row['trimmed']))
        losses = Math.max(losses, Number(row['lost_at']))
      }
      if (selectors.includes('**')) {
        count(lowest)
        count(every.get()!)
        return { topics: undefined, lostThrough, losses }
      }
      const topics = new Map<number, string>()
      for (const selector of selectors) {
        let known = false
        for (const row of rows(selector)) {
          topics.set(Number(row['id']), String(row['name']))
          count(row)
          known = true
        }
        // What has no row may have had one: the floor is all that is still known of it.
        if (!known || isPattern(selector)) count(lowest)
      }
      return { topics, lostThrough, losses }
    },
  }
}
