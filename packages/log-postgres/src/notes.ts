import type { Note, NoteQuery } from '@tailrace/log'

import type { PostgresSession } from './session.ts'
import { AFTER_EVERY_NAME } from './topics.ts'

// A note whose time is over counts as none, removed or not.
const NOTE = {
  name: 'note',
  text: `
    INSERT INTO notes AS n VALUES ($1, $2, true) ON CONFLICT (key) DO UPDATE SET
      is_first = n.until <= coalesce($3::bigint, clock()), until = greatest(n.until, excluded.until)
    RETURNING is_first`,
}
const LIST = {
  name: 'notes',
  text: `
    SELECT key, until FROM notes
    WHERE key > $1 AND key >= $2 AND key < $3 AND until > coalesce($4::bigint, clock()) ORDER BY key LIMIT $5`,
}

/** @param now undefined for the clock of the server */
export async function note(
  { keeper }: PostgresSession,
  { key, until }: Note,
  now: number | undefined,
): Promise<boolean> {
  const [row] = await keeper.run(NOTE, [key, until, now])
  return row!['is_first'] as boolean
}

export async function listNotes(
  session: PostgresSession,
  { prefix, after, limit }: NoteQuery,
  now: number | undefined,
): Promise<Note[]> {
  const rows = await session.read(LIST, [after, prefix, prefix + AFTER_EVERY_NAME, now, limit])
  return rows.map(({ key, until }) => ({ key: key as string, until: until as number }))
}
