import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'

/** How many topics' rows the writer remembers between commits; about 200 bytes each. */
const MAX_REMEMBERED_TOPICS = 10_000

/** A purged topic keeps its row, under a name that no topic can have, until its events are removed. */
export const PURGED_PREFIX = '/purged/'
/** Sorts after all of these names. */
export const AFTER_PURGED = '/purged0'

export interface TopicRow {
  readonly id: number
  count: number
  bytes: number
  state_bytes: number
  keys: number
  newest: number
  ended: number | null
}

/** The rows of `topics`, as the writer sees and changes them. Runs within the transactions of the writer. */
export interface TopicTable {
  /** The row of a topic that is about to get an event, which is created if necessary. Changes take effect with `save`. */
  forPublish(name: string, offset: number): TopicRow
  isEnded(name: string): boolean
  /** Writes every row that `forPublish` has returned since. */
  save(): void
  /** Forgets the remembered rows, after a rollback and after others have changed rows. */
  forget(): void
  purge(name: string): number | undefined
}

/** Counts a removal. @returns the new value of `losses` */
export function createLossCounter(db: DatabaseSync): () => number {
  const count = db.prepare(`UPDATE meta SET value = value + 1 WHERE name = 'losses' RETURNING value`)
  return () => Number(count.get()!['value'])
}

export function createTopicTable(db: DatabaseSync): TopicTable {
  const select = db.prepare(
    'SELECT id, count, bytes, state_bytes, keys, newest, ended FROM topics WHERE name = ?',
  )
  // A topic that returns after its row was removed inherits the floor: what it lost is no longer known.
  const insert = db.prepare(
    `INSERT INTO topics (name, count, bytes, newest, trimmed, lost_at)
     VALUES (?, 0, 0, ?, (SELECT value FROM meta WHERE name = 'floor'), (SELECT value FROM meta WHERE name = 'floor_at'))
     RETURNING id, count, bytes, state_bytes, keys, newest, ended`,
  )
  const update = db.prepare(
    'UPDATE topics SET count = ?, bytes = ?, state_bytes = ?, keys = ?, newest = ?, ended = ? WHERE id = ?',
  )
  const hasEvents = db.prepare('SELECT 1 FROM events WHERE topic = ? LIMIT 1')
  const bury = db.prepare(`UPDATE topics SET name = '${PURGED_PREFIX}' || id WHERE id = ?`)
  const restart = db.prepare(
    'INSERT INTO topics (name, count, bytes, newest, trimmed, lost_at) VALUES (?, 0, 0, ?, ?, ?)',
  )
  const countLoss = createLossCounter(db)

  const remembered = new Map<string, TopicRow>()
  const touched = new Set<TopicRow>()

  function find(name: string): TopicRow | undefined {
    const known = remembered.get(name)
    if (known !== undefined) return known
    const row = select.get(name)
    return row === undefined ? undefined : remember(name, row)
  }

  function remember(name: string, row: Record<string, SQLOutputValue>): TopicRow {
    const topic = row as unknown as TopicRow
    remembered.set(name, topic)
    return topic
  }

  return {
    forPublish(name, offset) {
      const topic = find(name) ?? remember(name, insert.get(name, offset)!)
      touched.add(topic)
      return topic
    },

    isEnded: (name) => (find(name)?.ended ?? null) !== null,

    save() {
      for (const { id, count, bytes, state_bytes, keys, newest, ended } of touched) {
        update.run(count, bytes, state_bytes, keys, newest, ended, id)
      }
      touched.clear()
      if (remembered.size > MAX_REMEMBERED_TOPICS) remembered.clear()
    },

    forget() {
      remembered.clear()
      touched.clear()
    },

    purge(name) {
      const topic = find(name)
      if (topic === undefined || hasEvents.get(topic.id) === undefined) return undefined
      bury.run(topic.id)
      restart.run(name, topic.newest, topic.newest, countLoss())
      return topic.newest
    },
  }
}
