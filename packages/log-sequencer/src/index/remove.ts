import type { DatabaseSync } from 'node:sqlite'
import { IDEMPOTENCY_WINDOW_MS } from '@tailrace/log'
import { createLossCounter, PURGED_PREFIX, STATE_OVERHEAD, type TopicTable } from '@tailrace/log/sqlite'
import type { Removal } from '../record/record.ts'

/** Maximum idempotency records, and notes, that one removal lets expire. */
const MAX_EXPIRED = 500

export interface Removed {
  readonly removed: number
  /** More has expired than one removal may remove. */
  readonly hasMore: boolean
}

/** What a removal takes from one topic. */
interface Taken {
  count: number
  bytes: number
  keys: number
  stateBytes: number
  through: number
}

/** Removes what retention decided. Runs within the transactions of the writer. */
export interface Remover {
  remove(removal: Removal): Removed
}

export function createRemover(db: DatabaseSync, topics: TopicTable): Remover {
  const removeEvent = db.prepare(
    'DELETE FROM events WHERE offset = ? RETURNING topic, bytes, is_newest, octet_length(key) AS keyBytes',
  )
  const change = db.prepare(
    `UPDATE topics SET count = count - ?, bytes = bytes - ?, keys = keys - ?, state_bytes = state_bytes - ?,
       trimmed = max(trimmed, ?), lost_at = ?
     WHERE id = ? RETURNING name`,
  )
  const hasEvents = db.prepare('SELECT 1 FROM events WHERE topic = ? LIMIT 1')
  const removeTopic = db.prepare('DELETE FROM topics WHERE id = ?')
  const reopen = db.prepare('UPDATE topics SET ended = NULL WHERE id = ?')
  const find = db.prepare('SELECT id, trimmed FROM topics WHERE name = ?')
  const raiseFloor = db.prepare(`UPDATE meta SET value = max(value, ?) WHERE name = 'floor'`)
  const markFloor = db.prepare(
    `UPDATE meta SET value = (SELECT value FROM meta WHERE name = 'losses') WHERE name = 'floor_at'`,
  )
  const removeAnswer = db.prepare('DELETE FROM answers WHERE topic = ? AND key = ?')
  // The order is that of every node.
  const expireAnswers = db.prepare(
    `DELETE FROM answers WHERE (topic, key) IN
       (SELECT topic, key FROM answers WHERE time <= ? ORDER BY time, topic, key LIMIT ${MAX_EXPIRED})`,
  )
  const expireNotes = db.prepare(
    `DELETE FROM notes WHERE key IN (SELECT key FROM notes WHERE until <= ? ORDER BY until, key LIMIT ${MAX_EXPIRED})`,
  )
  const countLoss = createLossCounter(db)

  /** Removes events that are still there. @returns how many, and what each topic lost */
  function take(offsets: readonly number[]): { removed: number; taken: Map<number, Taken> } {
    const taken = new Map<number, Taken>()
    let removed = 0
    for (const offset of offsets) {
      const row = removeEvent.get(offset)
      if (row === undefined) continue
      removed += 1
      const id = Number(row['topic'])
      const one = taken.get(id) ?? { count: 0, bytes: 0, keys: 0, stateBytes: 0, through: 0 }
      const bytes = Number(row['bytes'])
      if (row['is_newest'] === 1) {
        one.keys += 1
        one.stateBytes += bytes + Number(row['keyBytes']) + STATE_OVERHEAD
      } else {
        one.count += 1
        one.bytes += bytes
      }
      one.through = offset
      taken.set(id, one)
    }
    return { removed, taken }
  }

  function forget(name: string): void {
    const topic = find.get(name)
    if (topic === undefined || hasEvents.get(topic['id']!) !== undefined) return
    raiseFloor.run(topic['trimmed']!)
    markFloor.run()
    removeTopic.run(topic['id']!)
  }

  return {
    remove({ offsets, forgotten, answers, now }) {
      topics.save()
      const { removed, taken } = take(offsets)
      for (const [id, { count, bytes, keys, stateBytes, through }] of taken) {
        const { name } = change.get(count, bytes, keys, stateBytes, through, countLoss(), id)!
        if (hasEvents.get(id) !== undefined) continue
        if (String(name).startsWith(PURGED_PREFIX)) removeTopic.run(id)
        else reopen.run(id)
      }
      for (const name of forgotten) forget(name)
      for (const [topic, key] of answers) removeAnswer.run(topic, key)
      const expired = [
        expireAnswers.run(now - IDEMPOTENCY_WINDOW_MS).changes,
        expireNotes.run(now).changes,
      ].map(Number)
      topics.forget()
      return { removed, hasMore: expired.some((count) => count === MAX_EXPIRED) }
    },
  }
}
