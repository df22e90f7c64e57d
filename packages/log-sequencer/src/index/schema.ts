import type { DatabaseSync } from 'node:sqlite'
import { MIGRATIONS, type Format } from '@tailrace/log/sqlite'

/** The tables of a SQLite log, and how far the records were applied. */
export const INDEX_FORMAT: Format = {
  // The bytes of "trci".
  id: 0x74726369,
  name: 'the index of a Tailrace log',
  migrations: [
    (db) => {
      for (const migrate of MIGRATIONS) migrate(db)
      db.exec(`
        -- The newest record of each node that was applied: a second copy of it is not.
        CREATE TABLE nodes (
          node     TEXT PRIMARY KEY,
          number   INTEGER NOT NULL,
          position INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX nodes_by_position ON nodes (position);
      `)
      const insert = db.prepare('INSERT INTO meta (name, value) VALUES (?, ?)')
      // Of the sequence; empty until the log is known to be in it.
      insert.run('identity', '')
      // Of the record that was applied last, and its node and number.
      insert.run('position', 0)
      insert.run('record', '')
      // Of the record that began the log.
      insert.run('genesis', 0)
      // How many records were not ours.
      insert.run('foreign', 0)
      const update = db.prepare('UPDATE meta SET value = ? WHERE name = ?')
      for (const name of ['epoch', 'secret']) update.run('', name)
    },
  ],
}

/** What an index knows besides events. */
export interface Standing {
  readonly identity: string
  readonly epoch: string
  readonly secret: string
  readonly position: number
  readonly record: string
  readonly genesis: number
  readonly foreign: number
  readonly newest: number
}

const NAMES = ['identity', 'epoch', 'secret', 'position', 'record', 'genesis', 'foreign', 'newest'] as const

export interface StandingTable {
  read(): Standing
  /** Saves what differs. */
  save(before: Standing, after: Standing): void
}

export function createStandingTable(db: DatabaseSync): StandingTable {
  const select = db.prepare('SELECT value FROM meta WHERE name = ?')
  const update = db.prepare('UPDATE meta SET value = ? WHERE name = ?')
  return {
    read: () =>
      Object.fromEntries(NAMES.map((name) => [name, select.get(name)!['value']])) as unknown as Standing,
    save(before, after) {
      for (const name of NAMES) if (before[name] !== after[name]) update.run(after[name], name)
    },
  }
}
