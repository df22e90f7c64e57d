import { isPattern, literalPrefix, type TopicSummary, type TopicQuery } from '@tailrace/log'
import type { Selection } from '@tailrace/log/adapter'

import type { PostgresSession } from './session.ts'

/** Maximum names that a page examines to find its topics. If there are more, it walks the log instead. */
const MAX_NAMES = 1_000
/** Sorts after every name of at most 256 bytes. */
export const AFTER_EVERY_NAME: string = '\u{10ffff}'.repeat(65)

const BELOW = {
  name: 'below',
  text: `
    WITH head AS MATERIALIZED (SELECT newest() AS newest)
    SELECT head.newest, found.id, found.name FROM head LEFT JOIN (
      SELECT id, name FROM unnest($1::text[], $2::text[]) AS range (start, stop) CROSS JOIN LATERAL (
        SELECT id, name FROM topics WHERE NOT is_purged AND name >= start AND name < stop LIMIT ${MAX_NAMES + 1}
      ) named WHERE (SELECT newest FROM head) > $3 LIMIT ${MAX_NAMES + 1}
    ) found ON true`,
}
const LIST = {
  name: 'list',
  text: `
    SELECT name, newest, ended, count + keys AS events, bytes + state_bytes - keys * 64 AS bytes FROM topics
    WHERE NOT is_purged AND name > $1 AND name >= $2 AND name < $3 AND count + keys > 0 ORDER BY name LIMIT $4`,
}
const ENDED = {
  name: 'ended',
  text: `
    SELECT t.ended FROM unnest($1::text[]) WITH ORDINALITY AS wanted (name, n)
    LEFT JOIN topics t ON t.name = wanted.name AND NOT t.is_purged ORDER BY n`,
}

/** The topics that patterns select, as of `newest`. */
export interface FoundTopics {
  /** Undefined if there may be too many to examine. */
  readonly ids: readonly number[] | undefined
  readonly newest: number
}

/** Finds the topics of patterns through the index on their names. */
export async function findTopics(
  session: PostgresSession,
  patterns: readonly string[],
  selection: Selection,
  after: number,
): Promise<FoundTopics> {
  const ranges = rangesOf(patterns)
  const rows = await session.read(BELOW, [
    ranges.map(([start]) => start),
    ranges.map(([, stop]) => stop),
    after,
  ])
  const newest = rows[0]!['newest'] as number
  const named = rows.filter(({ id }) => id !== null)
  if (named.length > MAX_NAMES) return { ids: undefined, newest }
  const selected = named.filter(({ name }) => selection.matches(name as string))
  return { ids: selected.map(({ id }) => id as number), newest }
}

export async function listTopics(
  session: PostgresSession,
  { prefix, after, limit }: TopicQuery,
): Promise<TopicSummary[]> {
  const rows = await session.read(LIST, [after, prefix, prefix + AFTER_EVERY_NAME, limit])
  return rows.map((row) => ({
    topic: row['name'] as string,
    newest: row['newest'] as number,
    ended: row['ended'] !== null,
    events: row['events'] as number,
    bytes: row['bytes'] as number,
  }))
}

export async function endsOf(
  session: PostgresSession,
  topics: readonly string[],
): Promise<(number | undefined)[]> {
  const rows = await session.read(ENDED, [topics])
  return rows.map(({ ended }) => (ended as number | null) ?? undefined)
}

/** The ranges of names, from the first to before the second, that contain all topics of some patterns, once each. */
function rangesOf(patterns: readonly string[]): [start: string, stop: string][] {
  const prefixes = patterns.filter(isPattern).map(literalPrefix)
  if (prefixes.includes('')) return [['', AFTER_EVERY_NAME]]
  const ranges: [string, string][] = []
  // With its slash, a prefix sorts right before everything below it. 0 follows / in ASCII.
  for (const folder of [...new Set(prefixes.map((prefix) => `${prefix}/`))].toSorted()) {
    const isCovered = ranges.some(([start]) => start.endsWith('/') && folder.startsWith(start))
    if (!isCovered)
      ranges.push([folder.slice(0, -1), `${folder.slice(0, -1)}\u0001`], [folder, `${folder.slice(0, -1)}0`])
  }
  return ranges
}
