import { accessSync, constants, readlinkSync, realpathSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { StatementSync } from 'node:sqlite'
import { LogError } from '../errors.ts'
import type { LogErrorCode } from '../errors.ts'
import { inodeOf } from './inode.ts'
import { APPLICATION_ID, MIGRATIONS } from './schema.ts'

/** SQLite's primary result codes (https://www.sqlite.org/rescode.html) that a caller can do something about. */
const CODES: Readonly<Record<number, { code: LogErrorCode; advice: string }>> = {
  5: {
    code: 'locked',
    advice: 'another process is using it: stop that process, or give this hub its own log',
  },
  6: {
    code: 'locked',
    advice: 'another process is using it: stop that process, or give this hub its own log',
  },
  8: { code: 'read-only', advice: 'it cannot be written: check the permissions of the file and its folder' },
  10: { code: 'unwritable', advice: 'the disk reported an error: check the kernel log and the file system' },
  11: { code: 'corrupt', advice: 'its content is damaged: restore a backup' },
  13: { code: 'full', advice: 'the disk is full: free some space, or keep less with --retain' },
  14: { code: 'cannot-open', advice: 'it cannot be opened: check that the folder exists and is writable' },
  26: { code: 'foreign', advice: 'it is not a Tailrace log: choose another path' },
}

const IOERR_SHMSIZE = 4874

/** Turns any error of SQLite into a `LogError`. A `LogError` is returned unchanged. */
export function toLogError(error: unknown, path: string): LogError {
  if (LogError.is(error)) return error
  const errcode = error instanceof Error && 'errcode' in error ? Number(error.errcode) : undefined
  const known = errcode === undefined ? undefined : CODES[errcode & 0xff]
  const reason = error instanceof Error ? error.message : String(error)
  const details = { path, reason, ...(errcode === undefined ? {} : { errcode }) }
  return new LogError(
    known?.code ?? 'unwritable',
    `The log ${path} failed (${reason})${known === undefined ? '' : `: ${known.advice}`}.`,
    { cause: error, details },
  )
}

/** Whether SQLite failed because the disk is full. If an index cannot grow, SQLite reports a disk error instead. */
export function isOutOfSpace(error: unknown): boolean {
  const errcode = error instanceof Error && 'errcode' in error ? Number(error.errcode) : 0
  return errcode === 13 || errcode === IOERR_SHMSIZE
}

/**
 * Keeps a second hub away from a log, with an exclusive lock on a file next to it. The lock is held through SQLite
 * because Node has no file locks. The kernel releases it when the process ends, however it ends.
 */
export function lock(path: string): DatabaseSync {
  const file = fileOf(path)
  // Checked first: for a file in such a folder, SQLite only reports that it cannot open it.
  if (isReadOnly(dirname(file))) {
    throw new LogError('read-only', `The folder of ${path} cannot be written: check its permissions.`, {
      details: { path },
    })
  }
  const db = new DatabaseSync(`${file}-lock`, { timeout: 0 })
  try {
    // In memory: a journal file would be one more thing to leave behind.
    db.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** The file that a path leads to through symbolic links, whether or not it exists yet. */
export function fileOf(path: string): string {
  try {
    return realpathSync(path)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) return path
  }
  try {
    return fileOf(resolve(dirname(path), readlinkSync(path)))
  } catch {
    return path
  }
}

function isReadOnly(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return false
  } catch (error) {
    return hasCode(error, 'EROFS') || hasCode(error, 'EACCES')
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

/** What a file contains. */
export interface Format {
  /** `PRAGMA application_id` */
  readonly id: number
  /** For messages, after "not". */
  readonly name: string
  readonly migrations: typeof MIGRATIONS
}

export const LOG_FORMAT: Format = { id: APPLICATION_ID, name: 'a Tailrace log', migrations: MIGRATIONS }

/** Opens a log for writing. Creates or migrates it, and refuses a file that is not a Tailrace log. */
export function openForWriting(path: string, format: Format = LOG_FORMAT): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: 1000 })
  try {
    const version = identify(db, path, format)
    // Only for a new file: the pragma writes even if it changes nothing, for which a full disk has no room.
    if (version === 0) db.exec('PRAGMA auto_vacuum = INCREMENTAL')
    // fullfsync: without it, macOS acknowledges data that is still in the cache of the disk.
    db.exec('PRAGMA synchronous = FULL; PRAGMA fullfsync = ON')
    if (pragma(db, 'journal_mode = WAL') !== 'wal') {
      throw new LogError(
        'cannot-open',
        `The file system of ${path} does not support a write-ahead log: put the log on a local disk.`,
      )
    }
    db.exec('PRAGMA journal_size_limit = 67108864')
    migrate(db, version, format)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/**
 * Data written to a file that no longer has a name would be acknowledged, and lost with this process.
 *
 * @throws LogError `unwritable` if the file is not the same as before
 */
export function assertInPlace(path: string, inode: number | undefined): void {
  if (inodeOf(path) === inode) return
  throw new LogError(
    'unwritable',
    `The log ${path} was moved away or replaced: put it back, or restart the hub.`,
    {
      details: { path },
    },
  )
}

/** Opens a log that was prepared by {@link openForWriting}. */
export function openForReading(path: string): DatabaseSync {
  return new DatabaseSync(path, { readOnly: true, timeout: 1000 })
}

/** The statements of {@link transaction}, so that none is parsed with each commit. */
const BRACKETS = new WeakMap<DatabaseSync, Record<'BEGIN' | 'BEGIN IMMEDIATE' | 'COMMIT', StatementSync>>()

function bracketsOf(db: DatabaseSync) {
  const known = BRACKETS.get(db)
  if (known !== undefined) return known
  const statements = {
    BEGIN: db.prepare('BEGIN'),
    'BEGIN IMMEDIATE': db.prepare('BEGIN IMMEDIATE'),
    COMMIT: db.prepare('COMMIT'),
  }
  BRACKETS.set(db, statements)
  return statements
}

/** Runs a task in one transaction, which is stored completely or not at all. */
export function transaction<T>(db: DatabaseSync, begin: 'BEGIN' | 'BEGIN IMMEDIATE', task: () => T): T {
  const brackets = bracketsOf(db)
  brackets[begin].run()
  try {
    const result = task()
    brackets.COMMIT.run()
    return result
  } catch (error) {
    // After some errors, including a full disk, SQLite has already rolled back.
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
}

/** The schema version of a file that is a Tailrace log or empty. Reads only: a foreign file stays unchanged. */
function identify(db: DatabaseSync, path: string, { id, name, migrations }: Format): number {
  const version = Number(pragma(db, 'user_version'))
  const owner = Number(pragma(db, 'application_id'))
  const isEmpty = db.prepare('SELECT count(*) AS n FROM sqlite_schema').get()!['n'] === 0
  if (owner !== id && !(isEmpty && owner === 0 && version === 0)) {
    throw new LogError('foreign', `${path} is a database, but not ${name}: choose another path.`, {
      details: { path },
    })
  }
  if (version > migrations.length) {
    throw new LogError(
      'incompatible',
      `${path} was written by a newer Tailrace: run that version or newer.`,
      {
        details: { path, version, supported: migrations.length },
      },
    )
  }
  return version
}

function migrate(db: DatabaseSync, from: number, { id, migrations }: Format): void {
  if (from === migrations.length) return
  transaction(db, 'BEGIN IMMEDIATE', () => {
    for (const step of migrations.slice(from)) step(db)
    db.exec(`PRAGMA application_id = ${id}; PRAGMA user_version = ${migrations.length}`)
  })
}

function pragma(db: DatabaseSync, statement: string): unknown {
  return Object.values(db.prepare(`PRAGMA ${statement}`).get() ?? {})[0]
}
