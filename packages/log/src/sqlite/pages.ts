import type { DatabaseSync, SQLInputValue, SQLOutputValue } from 'node:sqlite'
import type { Query, StoredEvent, TraceContext } from '../event-log.ts'
import { PURGED_PREFIX } from './topic-table.ts'

type Row = Record<string, SQLOutputValue>
type Kind = 'all' | 'newest'

export interface Pager {
  /** The matching events after a place, in log order, as many as the query's bounds allow. */
  page(
    query: Query,
    topics: ReadonlyMap<number, string> | undefined,
    kind: Kind,
    head: number,
  ): { events: StoredEvent[]; more: boolean }
}

const COLUMNS = 'offset, topic, time, type, key, data, events.bytes, is_end, traceparent, tracestate'
/** The offsets that the first window over several topics spans for each event wanted, and its growth. */
const WINDOW_SPAN = 4
const WINDOW_GROWTH = 4

/**
 * Reads pages by one of three plans, each of which touches what matches and little else: one topic walks its
 * index; every topic walks the log; several topics walk their indexes together through a window of offsets
 * that widens while it finds nothing, since SQLite would collect and sort all of them for every page.
 */
export function createPager(db: DatabaseSync): Pager {
  const everyTopic = (index: string, filter: string) =>
    db.prepare(
      // A cross join keeps the log the outer loop, so that a page stops when it is full.
      `SELECT ${COLUMNS}, topics.name FROM events ${index} CROSS JOIN topics ON topics.id = events.topic
       WHERE offset > ? ${filter} AND topics.name NOT GLOB '${PURGED_PREFIX}*' ORDER BY offset LIMIT ?`,
    )
  const everything = {
    all: everyTopic('', ''),
    newest: everyTopic('INDEXED BY newest_by_offset', 'AND is_newest = 1'),
  }
  const oneTopic = {
    all: db.prepare(`SELECT ${COLUMNS} FROM events WHERE topic = ? AND offset > ? ORDER BY offset LIMIT ?`),
    newest: db.prepare(
      `SELECT ${COLUMNS} FROM events WHERE topic = ? AND offset > ? AND is_newest = 1 ORDER BY offset LIMIT ?`,
    ),
  }
  const throughWindow = (index: string, filter: string) =>
    db.prepare(
      `SELECT ${COLUMNS} FROM events INDEXED BY ${index}
       WHERE topic IN (SELECT value FROM json_each(?)) AND offset > ? AND offset <= ? ${filter}
       ORDER BY offset LIMIT ?`,
    )
  const severalTopics = {
    all: throughWindow('events_by_topic', ''),
    newest: throughWindow('newest_by_topic', 'AND is_newest = 1'),
  }

  function* rows(
    query: Query,
    topics: ReadonlyMap<number, string> | undefined,
    kind: Kind,
    head: number,
  ): Iterable<Row> {
    const { after, limit } = query
    if (topics === undefined) {
      yield* everything[kind].iterate(after, limit + 1)
    } else if (topics.size === 1) {
      const [id] = topics.keys()
      yield* oneTopic[kind].iterate(id as SQLInputValue, after, limit + 1)
    } else if (topics.size > 1) {
      const ids = JSON.stringify([...topics.keys()])
      let span = limit * WINDOW_SPAN
      for (let from = after; from < head; from += span, span *= WINDOW_GROWTH) {
        yield* severalTopics[kind].iterate(ids, from, from + span, limit + 1)
      }
    }
  }

  return {
    page(query, topics, kind, head) {
      const events: StoredEvent[] = []
      let bytes = 0
      for (const row of rows(query, topics, kind, head)) {
        if (events.length === query.limit || bytes >= query.maxBytes) return { events, more: true }
        bytes += Number(row['bytes'])
        events.push(toEvent(row, topics?.get(Number(row['topic'])) ?? String(row['name'])))
      }
      return { events, more: false }
    },
  }
}

function toEvent(row: Row, topic: string): StoredEvent {
  return {
    offset: Number(row['offset']),
    topic,
    type: (row['type'] as string | null) ?? undefined,
    key: (row['key'] as string | null) ?? undefined,
    data: row['data'] as string,
    time: Number(row['time']),
    end: row['is_end'] === 1,
    trace: toTrace(row['traceparent'] as string | null, row['tracestate'] as string | null),
  }
}

function toTrace(traceparent: string | null, tracestate: string | null): TraceContext | undefined {
  if (traceparent === null) return undefined
  return tracestate === null ? { traceparent } : { traceparent, tracestate }
}
