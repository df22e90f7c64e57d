import type { LogDescription, Note, NoteQuery, Page, Query, TopicQuery, TopicSummary } from '../event-log.ts'
import { AFTER_EVERY_TOPIC } from '../topic.ts'
import { Selection } from '../selection.ts'
import { Slice } from '../slice.ts'
import { openForReading, transaction } from './database.ts'
import { createPager } from './pages.ts'
import { STATE_OVERHEAD } from './schema.ts'
import { PURGED_PREFIX } from './topic-table.ts'
import { createTopicFinder } from './topic-finder.ts'

/** Reads a log on its own thread, next to the writer, so that a replay does not delay a publish. */
export interface Reader {
  /** @returns undefined if the slice ended before anything could be read: call again to continue */
  read(query: Query): Page | undefined
  /** Like `read`. */
  snapshot(query: Query): Page | undefined
  ended(topics: readonly string[]): (number | undefined)[]
  topics(query: TopicQuery): TopicSummary[]
  notes(query: NoteQuery, now: number): Note[]
  describe(): LogDescription
  secret(): string
  close(): void
}

export function openReader(path: string): Reader {
  const db = openForReading(path)
  const finder = createTopicFinder(db)
  const pager = createPager(db)
  const meta = db.prepare('SELECT value FROM meta WHERE name = ?')
  const oldest = db.prepare('SELECT min(offset) AS offset FROM events')
  const ended = db.prepare('SELECT ended FROM topics WHERE name = ?')
  const list = db.prepare(
    // A topic that was purged a moment ago keeps a row without events.
    `SELECT name, newest, ended, count + keys AS events, bytes + state_bytes - keys * ${STATE_OVERHEAD} AS bytes FROM topics
     WHERE name > ? AND name >= ? AND name < ? AND name NOT GLOB '${PURGED_PREFIX}*'
       AND (trimmed < newest OR EXISTS (SELECT 1 FROM events WHERE events.topic = topics.id))
     ORDER BY name LIMIT ?`,
  )
  const listNotes = db.prepare(
    'SELECT key, until FROM notes WHERE key > ? AND key >= ? AND key < ? AND until > ? ORDER BY key LIMIT ?',
  )

  function text(name: string): string {
    return String(meta.get(name)!['value'])
  }

  function newest(): number {
    return Number(text('newest'))
  }

  /** One page, whose parts (topics, losses, events, newest) are all from the same moment. */
  function page(query: Query, kind: 'all' | 'newest'): Page | undefined {
    return transaction(db, 'BEGIN', () => {
      const slice = new Slice()
      const { selectors, after } = query
      const wanted = finder.lookUp(selectors)
      const loss = finder.lossOf(wanted, slice)
      if (loss === undefined) return undefined
      const head = newest()
      if (after >= head) return { events: [], next: head, more: false, ...loss }
      const selection = new Selection(selectors)
      const topics = selectors.includes('**') ? undefined : finder.find(wanted, selection)
      // A slice of its own, or what was spent on topics and losses would be spent again for the next few rows.
      return { ...pager.page({ query, selection, topics, kind, head, slice: new Slice() }), ...loss }
    })
  }

  return {
    read: (query) => page(query, 'all'),
    snapshot: (query) => page(query, 'newest'),
    ended: (topics) => topics.map((topic) => (ended.get(topic)?.['ended'] as number | null) ?? undefined),
    topics: ({ prefix, after, limit }) =>
      list.all(after, prefix, prefix + AFTER_EVERY_TOPIC, limit).map((row) => ({
        topic: String(row['name']),
        newest: Number(row['newest']),
        ended: row['ended'] !== null,
        events: Number(row['events']),
        bytes: Number(row['bytes']),
      })),
    notes: ({ prefix, after, limit }, now) =>
      listNotes.all(after, prefix, prefix + AFTER_EVERY_TOPIC, now, limit).map((row) => ({
        key: String(row['key']),
        until: Number(row['until']),
      })),
    describe: () =>
      transaction(db, 'BEGIN', () => {
        const head = newest()
        const offset = oldest.get()?.['offset'] ?? head + 1
        return { epoch: text('epoch'), oldest: Number(offset), newest: head }
      }),
    secret: () => text('secret'),
    close: () => db.close(),
  }
}
