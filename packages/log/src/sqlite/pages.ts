import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'
import type { Page, Query, StoredEvent, TraceContext } from '../event-log.ts'
import type { Selection } from '../selection.ts'
import type { Slice } from '../slice.ts'
import { AFTER_PURGED, PURGED_PREFIX } from './topic-table.ts'

type Row = Record<string, SQLOutputValue>
/** All events, or only the newest of each key. */
type Kind = 'all' | 'newest'
type Found = Pick<Page, 'events' | 'next' | 'more'>

/** The input of a page. */
export interface Search {
  readonly query: Query
  readonly selection: Selection
  /** The names of the selected topics by id. Undefined if there may be many. */
  readonly topics: ReadonlyMap<number, string> | undefined
  readonly kind: Kind
  /** The newest offset of the log. */
  readonly head: number
  readonly slice: Slice
}

export interface Pager {
  /** The matching events after a position, in log order, as many as the bounds of the query and the slice allow. */
  page(search: Search): Found
}

/** The columns of an event. */
function columnsFor(db: DatabaseSync): string {
  const data = readsWholeTexts(db) ? 'data' : 'CAST(data AS BLOB) AS data'
  return `offset, topic, time, type, key, ${data}, events.bytes, is_removal, is_end, traceparent, tracestate`
}

/** Deno ends a text at a NUL when it reads one, which the data of an event may contain, and no other of its fields. */
function readsWholeTexts(db: DatabaseSync): boolean {
  return db.prepare('SELECT char(97, 0, 98) AS text').get()!['text'] === 'a\0b'
}

/**
 * Reads pages by one of four plans. One topic walks its index, and all topics walk the log. A few topics walk their
 * indexes side by side. For many topics, the log is walked too, and only rows that match are read completely.
 */
export function createPager(db: DatabaseSync): Pager {
  const columns = columnsFor(db)
  const statements = {
    all: prepareStatements(db, columns, '', ''),
    newest: prepareStatements(db, columns, 'INDEXED BY newest_by_offset', 'AND is_newest = 1'),
  }
  const byOffset = db.prepare(`SELECT ${columns} FROM events WHERE offset = ?`)
  const byId = db.prepare('SELECT name FROM topics WHERE id = ?')
  const anyPurged = db.prepare(
    `SELECT 1 FROM topics WHERE name > '${PURGED_PREFIX}' AND name < '${AFTER_PURGED}' LIMIT 1`,
  )

  /** Adds rows that all match. */
  function take(rows: Iterable<Row>, { query, head }: Search, topic?: string): Found {
    const page = new OpenPage(query)
    for (const row of rows) {
      if (page.isFull) return page.before(row)
      page.add(row, topic ?? String(row['name']))
    }
    return page.upTo(head)
  }

  function merge(topics: ReadonlyMap<number, string>, { query, kind, head }: Search): Found {
    const { nextOfEach: first, nextOfOne } = statements[kind]
    const page = new OpenPage(query)
    const heads = first
      .all(query.after, JSON.stringify([...topics.keys()]))
      .filter((row) => row['next'] !== null)
      .map((row) => ({ topic: Number(row['topic']), next: Number(row['next']) }))
    while (heads.length > 0) {
      const lowest = heads.reduce((low, one) => (one.next < low.next ? one : low))
      const row = byOffset.get(lowest.next)!
      if (page.isFull) return page.before(row)
      page.add(row, topics.get(lowest.topic)!)
      const next = nextOfOne.get(lowest.topic, lowest.next)!['next']
      if (next === null) heads.splice(heads.indexOf(lowest), 1)
      else lowest.next = Number(next)
    }
    return page.upTo(head)
  }

  function walk({ query, selection, kind, head, slice }: Search): Found {
    const page = new OpenPage(query)
    const names = new Map<number, string | undefined>()
    const nameIfSelected = (id: number): string | undefined => {
      const name = String(byId.get(id)!['name'])
      return name.startsWith(PURGED_PREFIX) || !selection.matches(name) ? undefined : name
    }
    for (const row of statements[kind].places.iterate(query.after)) {
      const [offset, id] = [Number(row['offset']), Number(row['topic'])]
      if (!names.has(id)) names.set(id, nameIfSelected(id))
      const name = names.get(id)
      if (name !== undefined) {
        if (page.isFull) return page.before(row)
        page.add(byOffset.get(offset)!, name)
      }
      if (!slice.spend()) return page.upTo(offset, offset < head)
    }
    return page.upTo(head)
  }

  return {
    page(search) {
      const { query, topics, kind } = search
      const { after, limit, selectors } = query
      const { everyTopic: every, oneTopic: one } = statements[kind]
      if (topics?.size === 0) return new OpenPage(query).upTo(search.head)
      if (topics?.size === 1) {
        const [[id, name]] = [...topics] as [[number, string]]
        return take(one.iterate(id, after, limit + 1), search, name)
      }
      if (topics !== undefined) return merge(topics, search)
      const isAll = selectors.includes('**') && anyPurged.get() === undefined
      return isAll ? take(every.iterate(after, limit + 1), search) : walk(search)
    },
  }
}

/** @param index the index that leads through the whole log */
function prepareStatements(
  db: DatabaseSync,
  columns: string,
  index: string,
  filter: string,
): Record<'everyTopic' | 'oneTopic' | 'nextOfEach' | 'nextOfOne' | 'places', StatementSync> {
  return {
    everyTopic: db.prepare(
      // A cross join keeps the log in the outer loop, so that a page stops when it is full.
      `SELECT ${columns}, name FROM events ${index} CROSS JOIN topics ON topics.id = events.topic
       WHERE offset > ? ${filter} ORDER BY offset LIMIT ?`,
    ),
    oneTopic: db.prepare(
      `SELECT ${columns} FROM events WHERE topic = ? AND offset > ? ${filter} ORDER BY offset LIMIT ?`,
    ),
    nextOfEach: db.prepare(
      `SELECT value AS topic, (SELECT min(offset) FROM events WHERE topic = value AND offset > ? ${filter}) AS next
       FROM json_each(?)`,
    ),
    nextOfOne: db.prepare(`SELECT min(offset) AS next FROM events WHERE topic = ? AND offset > ? ${filter}`),
    places: db.prepare(
      `SELECT offset, topic FROM events ${index} WHERE offset > ? ${filter} ORDER BY offset`,
    ),
  }
}

/** A page that is being filled. */
class OpenPage {
  readonly #limit: number
  readonly #maxBytes: number
  readonly #events: StoredEvent[] = []
  #bytes = 0

  constructor({ limit, maxBytes }: Query) {
    this.#limit = limit
    this.#maxBytes = maxBytes
  }

  get isFull(): boolean {
    return this.#events.length === this.#limit || this.#bytes >= this.#maxBytes
  }

  add(row: Row, topic: string): void {
    this.#bytes += Number(row['bytes'])
    this.#events.push(toEvent(row, topic))
  }

  /** Everything before a match that no longer fits. */
  before(row: Row): Found {
    return { events: this.#events, next: Number(row['offset']) - 1, more: true }
  }

  /** Everything up to an offset. */
  upTo(next: number, more = false): Found {
    return { events: this.#events, next, more }
  }
}

function toEvent(row: Row, topic: string): StoredEvent {
  return {
    offset: Number(row['offset']),
    topic,
    type: (row['type'] as string | null) ?? undefined,
    key: (row['key'] as string | null) ?? undefined,
    data: textOf(row['data'] as string | Uint8Array),
    time: Number(row['time']),
    remove: row['is_removal'] === 1,
    end: row['is_end'] === 1,
    trace: toTrace(row['traceparent'] as string | null, row['tracestate'] as string | null),
  }
}

function textOf(data: string | Uint8Array): string {
  return typeof data === 'string' ? data : Buffer.from(data.buffer, data.byteOffset, data.length).toString()
}

function toTrace(traceparent: string | null, tracestate: string | null): TraceContext | undefined {
  if (traceparent === null) return undefined
  return tracestate === null ? { traceparent } : { traceparent, tracestate }
}
