import {
  appendFileSync,
  closeSync,
  fsyncSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import type { Mark } from './mark.ts'

/** Where the header of a database says whether it is in WAL mode (https://www.sqlite.org/fileformat.html). */
const VERSION_AT = 18
/** Where the header of a write-ahead log has the salt, which is new each time the log begins again. */
const SALT_AT = 16
const SALT_LENGTH = 8

/** Distinguishes one write-ahead log of an open file from the next. */
export interface SaltReader {
  /** Undefined while there is no write-ahead log. */
  read(): string | undefined
  close(): void
}

export function createSaltReader(file: string): SaltReader {
  const bytes = new Uint32Array(SALT_LENGTH / Uint32Array.BYTES_PER_ELEMENT)
  let wal: number | undefined
  let salt: { readonly first: number; readonly second: number; readonly text: string } | undefined
  return {
    read() {
      try {
        // SQLite creates it with the first commit, and keeps it until the file is closed.
        wal ??= openSync(`${file}-wal`, 'r')
      } catch {
        return undefined
      }
      if (readSync(wal, bytes, 0, SALT_LENGTH, SALT_AT) !== SALT_LENGTH) return undefined
      const [first, second] = bytes as unknown as [number, number]
      // With each commit, and nearly always the same.
      if (salt?.first !== first || salt.second !== second) {
        salt = { first, second, text: Buffer.from(bytes.buffer).toString('hex') }
      }
      return salt.text
    },
    close() {
      if (wal !== undefined) closeSync(wal)
    },
  }
}

/**
 * Gives a write-ahead log the size that it will reach, with zeros after its end, which SQLite does not take for
 * frames. To overwrite a file costs half as much as to extend it with each commit, whose fsync then also waits for
 * the blocks and the size of the file.
 *
 * @param file - the caller must hold its write lock, so that nobody else extends the write-ahead log
 */
export function extendWal(file: string, bytes: number): void {
  const wal = `${file}-wal`
  const { size } = statSync(wal)
  if (size >= bytes) return
  const opened = openSync(wal, 'a')
  try {
    // Until all of it is written: a disk that becomes full takes a part, and fails with the next call.
    appendFileSync(opened, Buffer.alloc(bytes - size))
    fsyncSync(opened)
  } catch (error) {
    // Perhaps another program has taken the room.
    truncateSync(wal, size)
    throw error
  } finally {
    closeSync(opened)
  }
}

/**
 * SQLite applies a write-ahead log to any file that has its name, even to a backup that was copied there after a
 * crash, and mixes the two. Removes one that is known not to extend the file; one that may extend it stays.
 *
 * @param file - no process of the machine may have it open except through SQLite: closing it releases their locks
 */
export function removeStrayWal(file: string, mark: Mark | undefined): void {
  const wal = `${file}-wal`
  const salt = readAt(wal, SALT_AT, SALT_LENGTH)?.toString('hex')
  if (salt === undefined || !isStray(file, salt, mark)) return
  rmSync(wal)
  rmSync(`${file}-shm`, { force: true })
}

function isStray(file: string, salt: string, mark: Mark | undefined): boolean {
  const version = readAt(file, VERSION_AT, 1)?.[0]
  if (version === undefined) return false
  // As `VACUUM INTO` creates it: no write-ahead log ever belonged to a file in the other mode.
  if (version !== 2) return true
  // A mark that the death of the machine left behind knows nothing about this write-ahead log.
  if (mark?.wal.salt !== salt) return false
  const content = contentOf(file)
  if (content === undefined) return false
  return content.commits < mark.wal.commits || (mark.wal.epoch ?? content.epoch) !== content.epoch
}

/** What the file itself contains, without its write-ahead log. Undefined if it cannot be read on its own. */
function contentOf(file: string): { epoch: string; commits: number } | undefined {
  const url = pathToFileURL(file)
  url.search = '?immutable=1'
  const db = new DatabaseSync(url, { readOnly: true })
  try {
    const meta = db.prepare('SELECT value FROM meta WHERE name = ?')
    const [epoch, commits] = ['epoch', 'commits'].map((name) => meta.get(name)?.['value'])
    return epoch === undefined ? undefined : { epoch: String(epoch), commits: Number(commits ?? 0) }
  } catch {
    return undefined
  } finally {
    db.close()
  }
}

function readAt(path: string, position: number, length: number): Buffer | undefined {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) < position + length) return undefined
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(length)
    return readSync(file, bytes, 0, length, position) === length ? bytes : undefined
  } finally {
    closeSync(file)
  }
}
