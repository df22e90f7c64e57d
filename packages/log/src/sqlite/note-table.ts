import type { DatabaseSync } from 'node:sqlite'
import type { Note } from '../event-log.ts'

/** Runs within the transactions of the writer. */
export interface NoteTable {
  /** @returns whether the key was not noted at that time */
  note(note: Note, time: number): boolean
}

export function createNoteTable(db: DatabaseSync): NoteTable {
  const find = db.prepare('SELECT 1 FROM notes WHERE key = ? AND until > ?')
  const save = db.prepare(
    `INSERT INTO notes (key, until) VALUES (?, ?)
     ON CONFLICT (key) DO UPDATE SET until = excluded.until WHERE until < excluded.until`,
  )
  return {
    note({ key, until }, time) {
      const isFirst = find.get(key, time) === undefined
      save.run(key, until)
      return isFirst
    },
  }
}
