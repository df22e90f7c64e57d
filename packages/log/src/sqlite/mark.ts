import { closeSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** A mark has a fixed length, so that it is overwritten in place, which needs no space and is never half done. */
const LENGTH = 512

/** The content of the mark next to a log, about the log that it belongs to. */
export interface Mark {
  readonly epoch: string
  readonly newest: number
  /** How many transactions had changed the log. */
  readonly commits: number
  /** The file of the log: its inode, and when it was created. A copy differs in both, a renamed file in neither. */
  readonly file: FileId
  readonly wal: WalMark
}

/** The write-ahead log that extended the file, and what the file itself contained when that began. */
export interface WalMark {
  readonly salt?: string | undefined
  readonly epoch?: string | undefined
  readonly commits: number
}

export interface FileId {
  readonly inode: string
  /** In nanoseconds since 1970; 0 if the file system does not provide it. */
  readonly birth: string
}

export function fileIdOf(path: string): FileId {
  const { ino, birthtimeNs, ctimeNs } = statSync(path, { bigint: true })
  // If the system does not provide it, Node may return the time of the last change.
  return { inode: `${ino}`, birth: birthtimeNs === ctimeNs ? '0' : `${birthtimeNs}` }
}

/** Reads a mark. Undefined if there is none, or if it is not valid. */
export function readMark(path: string): Mark | undefined {
  try {
    const mark = JSON.parse(readFileSync(path, 'utf8')) as Mark
    const isWhole = [mark.newest, mark.commits, mark.wal.commits].every((count) =>
      Number.isSafeInteger(count),
    )
    return isWhole && typeof mark.file.inode === 'string' ? mark : undefined
  } catch {
    return undefined
  }
}

/** Keeps a mark up to date. */
export interface MarkFile {
  /**
   * Does not wait for the disk: the mark survives the death of the process at once, and that of the machine a little
   * later. A mark that is behind its log is as good.
   */
  write(mark: Mark): void
  /** Waits for the disk as well. */
  sync(): void
  close(): void
}

/** Opens the file of a mark, and creates it if necessary. */
export function openMarkFile(path: string): MarkFile {
  const isNew = statSync(path, { throwIfNoEntry: false })?.size !== LENGTH
  const file = openSync(path, isNew ? 'w' : 'r+')
  // With each commit: writing bytes that exist already takes half the time of writing a text.
  const bytes = Buffer.alloc(LENGTH)
  let last: Mark | undefined
  /** What most commits do not change. */
  let rest = ''
  return {
    write(mark) {
      const { epoch, newest, commits, file: id, wal } = mark
      if (last?.epoch !== epoch || last.file !== id || last.wal !== wal) {
        rest = JSON.stringify({ epoch, file: id, wal }).slice(1)
      }
      last = mark
      bytes.write(`${`{"newest":${newest},"commits":${commits},${rest}`.padEnd(LENGTH - 1)}\n`, 'latin1')
      writeSync(file, bytes, 0, LENGTH, 0)
    },
    sync() {
      fsyncSync(file)
      if (isNew) syncFolder(dirname(path))
    },
    close: () => closeSync(file),
  }
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
