import type { DatabaseSync } from 'node:sqlite'
import { CARRIED, CARRIED_META, CARRIED_TABLES, type CarriedRow } from '../record/carried.ts'
import type { Part } from '../record/record.ts'

/** The size of a part, unless a single row is larger, in bytes of JSON. */
const PART_BYTES = 256 * 1024

/**
 * The rows of an index as parts, from one moment, however long that takes.
 *
 * @param db - a connection of its own, which only reads
 */
export function* partsOf(db: DatabaseSync): Generator<Part, void> {
  db.exec('BEGIN')
  const position = Number(db.prepare(`SELECT value FROM meta WHERE name = 'position'`).get()!['value'])
  let number = 0
  const part = (table: Part['table'], rows: CarriedRow[], isLast = false): Part => {
    number += 1
    return { position, number: number - 1, isLast, table, rows }
  }
  for (const table of CARRIED_TABLES) {
    let rows: CarriedRow[] = []
    let bytes = 0
    for (const row of rowsOf(db, table)) {
      const size = Buffer.byteLength(JSON.stringify(row)) + 1
      if (rows.length > 0 && bytes + size > PART_BYTES) {
        yield part(table, rows)
        ;[rows, bytes] = [[], 0]
      }
      rows.push(row)
      bytes += size
    }
    if (rows.length > 0) yield part(table, rows)
  }
  yield part('nodes', [], true)
}

function* rowsOf(db: DatabaseSync, table: Part['table']): Generator<CarriedRow, void> {
  const columns = CARRIED[table]
  const names = CARRIED_META.map((name) => `'${name}'`).join(', ')
  const where = table === 'meta' ? `WHERE name IN (${names})` : ''
  const select = db.prepare(`SELECT ${columns.join(', ')} FROM ${table} ${where}`)
  for (const row of select.iterate()) yield columns.map((column) => row[column] as string | number | null)
}

/** Fills an empty index with the rows of a checkpoint. Runs within the transactions of the writer. */
export interface Loader {
  /** Removes everything. */
  clear(): void
  add(part: Part): void
}

export function createLoader(db: DatabaseSync): Loader {
  const inserts = Object.fromEntries(
    CARRIED_TABLES.map((table) => {
      const columns = CARRIED[table]
      const values = columns.map(() => '?').join(', ')
      const verb = table === 'meta' ? 'INSERT OR REPLACE' : 'INSERT'
      return [table, db.prepare(`${verb} INTO ${table} (${columns.join(', ')}) VALUES (${values})`)]
    }),
  )
  return {
    clear() {
      for (const table of CARRIED_TABLES) if (table !== 'meta') db.exec(`DELETE FROM ${table}`)
      db.exec(`UPDATE meta SET value = 0 WHERE name IN ('floor', 'floor_at', 'losses')`)
    },
    add({ table, rows }) {
      for (const row of rows) {
        if (table !== 'meta' || CARRIED_META.includes(row[0] as never)) inserts[table]!.run(...row)
      }
    },
  }
}
