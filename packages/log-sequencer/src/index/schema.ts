import type { DatabaseSync } from 'node:sqlite'
import { MIGRATIONS, type Format } from '@tailrace/log/sqlite'

/** What an index knows besides events, notes and answers. */
export interface Standing {
  /** Of the sequence; empty until the index is bound to one. */
  readonly identity: string
  /** Empty until the log has begun. */
  readonly epoch: string
  /** The epochs before that one, by the records; a list as {@link listEpochs} makes it. */
  readonly former: string
  /** Epochs that readers may have cursors of although the engine has lost the events: a list. In no record. */
  readonly lost: string
  /** The record that was applied last before the index was emptied; empty if it need not be found again. */
  readonly witness: string
  readonly secret: string
  /** Of the record that was applied last. */
  readonly position: number
  /** Its node and number; empty if it is somebody else's. */
  readonly record: string
  /** The position of the last record that is Tailrace's. */
  readonly ours: number
  /** How many records were somebody else's. */
  readonly foreign: number
  /** The largest offset. */
  readonly newest: number
  /** The size of all records. */
  readonly bytes: number
  /** The newest whole checkpoint holds everything up to this position. */
  readonly base: number
  /** What `bytes` was then. */
  readonly base_bytes: number
  /** The checkpoint that is being written, as JSON of {@link Unfinished}; empty if there is none. */
  readonly unfinished: string
}

/** The size and the progress of a checkpoint. */
export interface Unfinished {
  readonly node: string
  readonly position: number
  readonly parts: number
  readonly bytes: number
}

/** How many epochs a list holds: the newest ones. */
const MAX_EPOCHS = 100

/** Makes one list of several, or of single epochs. */
export function listEpochs(...lists: string[]): string {
  const epochs = lists.flatMap((list) => list.split(' ')).filter((epoch) => epoch !== '')
  return [...new Set(epochs)].slice(-MAX_EPOCHS).join(' ')
}

/** Whether readers may have cursors of the current epoch although the engine has lost the events. */
export function isLost({ epoch, lost }: Standing): boolean {
  return epoch !== '' && lost.split(' ').includes(epoch)
}

const NOTHING: Standing = {
  identity: '',
  epoch: '',
  former: '',
  lost: '',
  witness: '',
  secret: '',
  position: 0,
  record: '',
  ours: 0,
  foreign: 0,
  newest: 0,
  bytes: 0,
  base: 0,
  base_bytes: 0,
  unfinished: '',
}

const NAMES = Object.keys(NOTHING) as readonly (keyof Standing)[]

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
      const insert = db.prepare('INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)')
      for (const name of NAMES) insert.run(name, NOTHING[name])
    },
  ],
}

export interface StandingTable {
  /** That of an index that is bound to no sequence. */
  readonly nothing: Standing
  read(): Standing
  /** Saves what differs. */
  save(before: Standing, after: Standing): void
}

export function createStandingTable(db: DatabaseSync): StandingTable {
  const select = db.prepare('SELECT value FROM meta WHERE name = ?')
  const update = db.prepare('UPDATE meta SET value = ? WHERE name = ?')
  return {
    nothing: NOTHING,
    read: () =>
      Object.fromEntries(NAMES.map((name) => [name, select.get(name)!['value']])) as unknown as Standing,
    save(before, after) {
      for (const name of NAMES) if (before[name] !== after[name]) update.run(after[name], name)
    },
  }
}
