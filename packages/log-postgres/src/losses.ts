import { Selection } from '@tailrace/log/adapter'

import type { PostgresSession } from './session.ts'

/** Maximum sets of patterns whose losses are remembered. Beyond that, the least recently read are forgotten. */
const MAX_REMEMBERED = 1_000
/** Maximum rows that one statement examines. */
const MAX_ROWS = 4_096

const LOST = {
  name: 'lost',
  text: `
    SELECT id, name, is_purged, trimmed, lost_at FROM topics
    WHERE lost_at > 0 AND (lost_at, id) > ($1, $2) ORDER BY lost_at, id LIMIT ${MAX_ROWS}`,
}

/** As in `Page`. */
export interface Loss {
  readonly lostThrough: number
  readonly losses: number
}

interface Known extends Loss {
  /** The last topic that was examined, in the order of what they lost. */
  readonly lostAt: number
  readonly id: number
  /** The counter of the log when all topics had been examined. */
  readonly examined: number
}

const NOTHING: Known = { lostThrough: 0, losses: 0, lostAt: 0, id: 0, examined: 0 }

/**
 * Remembers what patterns have lost. Each removal gives its topics a larger `lost_at`, so patterns that were asked for
 * before only examine topics that have lost something since.
 */
export class PatternLosses {
  readonly #known = new Map<string, Known>()

  /** @param counter - that of all losses of the log: everything up to it is examined */
  async of(session: PostgresSession, patterns: readonly string[], counter: number): Promise<Loss> {
    const key = JSON.stringify(patterns)
    let known = this.#known.get(key) ?? NOTHING
    const selection = new Selection(patterns)
    while (known.examined < counter) {
      const rows = await session.read(LOST, [known.lostAt, known.id])
      let { lostThrough, losses, lostAt, id } = known
      for (const row of rows) {
        lostAt = row['lost_at'] as number
        id = row['id'] as number
        if (row['is_purged'] === true || !selection.matches(row['name'] as string)) continue
        lostThrough = Math.max(lostThrough, row['trimmed'] as number)
        losses = Math.max(losses, lostAt)
      }
      known = { lostThrough, losses, lostAt, id, examined: rows.length < MAX_ROWS ? counter : known.examined }
      this.#remember(key, known)
    }
    return known
  }

  #remember(key: string, known: Known): void {
    this.#known.delete(key)
    this.#known.set(key, known)
    if (this.#known.size > MAX_REMEMBERED) this.#known.delete(this.#known.keys().next().value!)
  }
}
