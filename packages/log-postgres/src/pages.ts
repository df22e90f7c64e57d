import { isPattern, LogError, type Page, type Query } from '@tailrace/log'
import { Selection } from '@tailrace/log/adapter'

import type { Row, Statement } from './connection.ts'
import { PatternLosses } from './losses.ts'
import type { PostgresSession } from './session.ts'
import { COLUMNS, toEvent } from './stored-event.ts'
import { findTopics } from './topics.ts'

/** Maximum rows that one page examines. */
const MAX_ROWS = 4_096
/** Rows that a page at least examines in the order of the log, if there are so many. */
const MIN_WALK = 512
/** Time for which a page matches topics, in milliseconds, unless it has examined almost nothing. */
const MAX_MATCHING_MS = 8
const MIN_ROWS = 16

/** All events, or only the newest of each key. */
export type Kind = 'all' | 'newest'

const SIZED: Readonly<Record<Kind, string>> = {
  all: 'SELECT seq, topic, octet_length(data) AS bytes FROM events',
  newest: 'SELECT seq, topic, bytes FROM keys',
}

/**
 * A statement that reads a page from one snapshot. `places` are rows with seq and bytes, in which no match is missing up
 * to `horizon`. $1 are the topics that are named completely, $2 is the place to begin, $3 and $4 are the bounds.
 */
function pageStatement(name: string, ctes: string): Statement {
  return {
    name,
    text: `
      WITH named AS MATERIALIZED (
        SELECT t.id, coalesce(t.trimmed, floor) AS trimmed, coalesce(t.lost_at, floor_at) AS lost_at
        FROM log, unnest($1::text[]) AS wanted (name) LEFT JOIN topics t ON t.name = wanted.name AND NOT t.is_purged
      ), head AS MATERIALIZED (
        SELECT epoch, floor, floor_at, losses AS counter, newest() AS newest FROM log
      ), ${ctes}, sized AS MATERIALIZED (
        SELECT seq, row_number() OVER w <= $3 AND sum(bytes) OVER w - bytes < $4 AS fits
        FROM places WHERE seq <= (SELECT seq FROM horizon) WINDOW w AS (ORDER BY seq)
      ), found AS (
        SELECT seq, name, ${COLUMNS} FROM sized JOIN events USING (seq) JOIN topics ON topics.id = events.topic
        WHERE fits
      )
      SELECT head.*, (SELECT seq FROM horizon) AS horizon,
        (SELECT min(seq) - 1 FROM sized WHERE NOT fits) AS cut,
        (SELECT max(trimmed) FROM named) AS trimmed, (SELECT max(lost_at) FROM named) AS lost_at, found.*
      FROM head LEFT JOIN found ON true ORDER BY found.seq`,
  }
}

/** $5 are the topics that patterns select, as of $6, $7 is how many places to examine of each topic. */
function someTopics(kind: Kind): Statement {
  return pageStatement(
    `some topics, ${kind}`,
    `
      ids AS MATERIALIZED (
        SELECT id FROM named WHERE id IS NOT NULL
        UNION SELECT id FROM topics WHERE id = ANY ($5::bigint[]) AND NOT is_purged
      ), places AS MATERIALIZED (
        SELECT one.* FROM ids CROSS JOIN LATERAL (
          ${SIZED[kind]} WHERE topic = ids.id AND seq > $2 ORDER BY seq LIMIT $7
        ) one
      ), horizon AS MATERIALIZED (
        SELECT least($6::bigint, (SELECT newest FROM head), (
          SELECT min(last) FROM (SELECT max(seq) AS last FROM places GROUP BY topic HAVING count(*) = $7) full_topics
        )) AS seq
      )`,
  )
}

/** $5 is how many places to examine. */
function everyTopic(kind: Kind): Statement {
  return pageStatement(
    `every topic, ${kind}`,
    `
      examined AS MATERIALIZED (${SIZED[kind]} WHERE seq > $2 ORDER BY seq LIMIT $5),
      places AS MATERIALIZED (
        SELECT examined.* FROM examined JOIN topics ON topics.id = topic WHERE NOT is_purged
      ), horizon AS MATERIALIZED (
        SELECT CASE WHEN count(*) = $5 THEN max(seq) ELSE (SELECT newest FROM head) END AS seq FROM examined
      )`,
  )
}

/** $5 are the places, $6 is how far they are complete. */
function somePlaces(kind: Kind): Statement {
  return pageStatement(
    `some places, ${kind}`,
    `
      places AS MATERIALIZED (
        SELECT one.* FROM unnest($5::bigint[]) AS wanted (seq) CROSS JOIN LATERAL (
          ${SIZED[kind]} WHERE seq = wanted.seq AND seq > $2
        ) one JOIN topics ON topics.id = one.topic WHERE NOT is_purged
      ), horizon AS MATERIALIZED (SELECT least($6::bigint, (SELECT newest FROM head)) AS seq)`,
  )
}

/** Which topics follow the place $1, up to $2 of them. */
function walk(kind: Kind): Statement {
  return {
    name: `walk, ${kind}`,
    text: `
      WITH head AS MATERIALIZED (SELECT newest() AS newest)
      SELECT head.newest, examined.seq, topics.name, is_purged
      FROM head
      LEFT JOIN (SELECT seq, topic FROM ${kind === 'all' ? 'events' : 'keys'}
                 WHERE seq > $1 ORDER BY seq LIMIT $2) examined ON true
      LEFT JOIN topics ON topics.id = examined.topic ORDER BY seq`,
  }
}

function statementsOf(kind: Kind): Record<'someTopics' | 'everyTopic' | 'somePlaces' | 'walk', Statement> {
  return {
    someTopics: someTopics(kind),
    everyTopic: everyTopic(kind),
    somePlaces: somePlaces(kind),
    walk: walk(kind),
  }
}
const STATEMENTS = { all: statementsOf('all'), newest: statementsOf('newest') }

/** Reads pages: by the indexes of a few topics, or in the order of the log. */
export class Pages {
  readonly #losses = new PatternLosses()

  async read(session: PostgresSession, query: Query, kind: Kind): Promise<Page> {
    const { selectors } = query
    const patterns = selectors.filter(isPattern)
    const rows = await this.#rows(session, query, patterns, kind)
    const head = rows[0]!
    if (head['epoch'] !== session.known.epoch)
      throw new LogError('replaced', 'The schema now holds another log.')
    const page = pageOf(rows)
    if (patterns.length === 0) return page
    // After the events were read, so that nothing that was removed before that is missing.
    const lost = await this.#losses.of(session, patterns, head['counter'] as number)
    // A topic without a row may have had one: only the floor is still known about it.
    const lostThrough = Math.max(page.lostThrough, lost.lostThrough, head['floor'] as number)
    return { ...page, lostThrough, losses: Math.max(page.losses, lost.losses, head['floor_at'] as number) }
  }

  async #rows(
    session: PostgresSession,
    query: Query,
    patterns: readonly string[],
    kind: Kind,
  ): Promise<readonly Row[]> {
    const { selectors, after, limit, maxBytes } = query
    const statements = STATEMENTS[kind]
    const named = selectors.filter((selector) => !isPattern(selector))
    const bounds = [named, after, limit, maxBytes]
    const wanted = Math.min(limit + 1, MAX_ROWS)
    if (patterns.length === 0) {
      return session.read(statements.someTopics, [...bounds, [], null, share(named.length, wanted)])
    }
    if (selectors.includes('**')) {
      // More than wanted, because some may be of purged topics.
      return session.read(statements.everyTopic, [...bounds, Math.min(limit + 256, MAX_ROWS)])
    }
    const selection = new Selection(selectors)
    const { ids, newest } = await findTopics(session, patterns, selection, after)
    if (ids !== undefined) {
      return session.read(statements.someTopics, [
        ...bounds,
        ids,
        newest,
        share(ids.length + named.length, wanted),
      ])
    }
    const { places, complete } = await match(session, statements.walk, selection, after, wanted)
    return session.read(statements.somePlaces, [...bounds, places, complete])
  }
}

/** How many places of each topic a page examines. */
function share(topics: number, wanted: number): number {
  return Math.min(wanted, Math.max(4, Math.ceil(MAX_ROWS / Math.max(1, topics))))
}

/** The places after `after` whose topics are selected, and up to where none is missing. */
async function match(
  session: PostgresSession,
  statement: Statement,
  selection: Selection,
  after: number,
  wanted: number,
): Promise<{ places: number[]; complete: number }> {
  // More than wanted, because most may not match.
  const room = Math.min(MAX_ROWS, Math.max(MIN_WALK, 4 * wanted))
  const rows = await session.read(statement, [after, room])
  const places: number[] = []
  const matches = new Map<string, boolean>()
  const began = performance.now()
  for (const [i, { seq, name, is_purged: isPurged }] of rows.entries()) {
    if (seq === null) break
    const topic = name as string
    if (!matches.has(topic)) matches.set(topic, selection.matches(topic))
    if (isPurged === false && matches.get(topic) === true) places.push(seq as number)
    const isOver = i >= MIN_ROWS && performance.now() - began > MAX_MATCHING_MS
    if (isOver || places.length === wanted || i + 1 === room) return { places, complete: seq as number }
  }
  return { places, complete: rows[0]!['newest'] as number }
}

function pageOf(rows: readonly Row[]): Page {
  const { newest, cut, horizon, trimmed, lost_at: lostAt } = rows[0]!
  const next = (cut ?? horizon) as number
  return {
    events: rows.filter(({ seq }) => seq !== null).map(toEvent),
    next,
    more: next < (newest as number),
    lostThrough: (trimmed as number | null) ?? 0,
    losses: (lostAt as number | null) ?? 0,
  }
}
