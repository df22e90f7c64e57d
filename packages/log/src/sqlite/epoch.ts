import type { DatabaseSync } from 'node:sqlite'
import { mintEpoch } from '../cursor.ts'
import { LogError } from '../errors.ts'
import { transaction } from './database.ts'
import { fileIdOf, openMarkFile, readMark } from './mark.ts'
import type { FileId, Mark, WalMark } from './mark.ts'
import { createSaltReader } from './wal.ts'

/** The state of a log. A backup has less of each. */
interface Standing {
  readonly epoch: string
  readonly newest: number
  readonly commits: number
}

/** Changes the epoch of a log that is not the continuation of the one that was here before. */
export interface EpochKeeper {
  /** The largest offset ever issued here, including by a log that this one replaced. */
  readonly newest: number
  /** Must be called after each transaction that changed the log. */
  committed(newest: number): void
  close(): void
}

/**
 * Compares an open log with the mark next to it, which is written after each commit. A log was copied here if it is
 * behind its mark, is another log or another file, or has no mark. It then starts a new epoch, so that readers whose
 * cursors belong to the previous one receive a gap.
 *
 * A commit is on disk before the mark names it. So neither a kill nor the death of the machine can leave a mark that
 * is ahead of its log.
 *
 * @param wasOpen - a writer of this process had it open before, and its readers know the epoch
 * @throws LogError `unwritable` if the epoch would differ from the one they know
 */
export function keepEpoch(db: DatabaseSync, file: string, wasOpen: boolean): EpochKeeper {
  const id = fileIdOf(file)
  const mark = readMark(`${file}-mark`)
  let standing = standingOf(db)
  const salts = createSaltReader(file)
  const salt = salts.read()
  let wal: WalMark = mark !== undefined && mark.wal.salt === salt ? mark.wal : { salt, commits: 0 }
  const markFile = openMarkFile(`${file}-mark`)

  function advance(next: Standing): void {
    const now = salts.read()
    // It began with the transaction that was just committed.
    if (now !== wal.salt) wal = { salt: now, epoch: standing.epoch, commits: standing.commits }
    standing = next
    markFile.write({ ...standing, file: id, wal })
  }

  try {
    if (isContinuation(standing, id, mark)) {
      advance(standing)
    } else {
      if (wasOpen) throw replaced(file)
      advance(startEpoch(db, standing, mark))
    }
    markFile.sync()
  } catch (error) {
    markFile.close()
    salts.close()
    throw error
  }

  return {
    newest: standing.newest,
    committed(newest) {
      advance({ epoch: standing.epoch, newest, commits: standing.commits + 1 })
    },
    close() {
      markFile.close()
      salts.close()
    },
  }
}

function isContinuation(log: Standing, file: FileId, mark: Mark | undefined): boolean {
  // The mark exists before the first commit is counted. A log of an earlier version has none.
  if (mark === undefined) return log.commits === 0
  // Both must differ: some file systems occasionally assign another inode to a file.
  const isOtherFile = file.inode !== mark.file.inode && file.birth !== mark.file.birth
  return log.epoch === mark.epoch && log.commits >= mark.commits && !isOtherFile
}

function startEpoch(db: DatabaseSync, log: Standing, mark: Mark | undefined): Standing {
  const next = {
    epoch: mintEpoch(),
    newest: Math.max(log.newest, mark?.newest ?? 0),
    commits: Math.max(log.commits, mark?.commits ?? 0) + 1,
  }
  const save = db.prepare('UPDATE meta SET value = ? WHERE name = ?')
  transaction(db, 'BEGIN IMMEDIATE', () => {
    for (const [name, value] of Object.entries(next)) save.run(value, name)
  })
  return next
}

function standingOf(db: DatabaseSync): Standing {
  const meta = db.prepare('SELECT value FROM meta WHERE name = ?')
  const [epoch, newest, commits] = ['epoch', 'newest', 'commits'].map((name) => meta.get(name)!['value'])
  return { epoch: String(epoch), newest: Number(newest), commits: Number(commits) }
}

function replaced(file: string): LogError {
  return new LogError('unwritable', `The log ${file} was replaced while it was open: restart the hub.`, {
    details: { path: file },
  })
}
