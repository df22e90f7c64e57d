import type { BigIntStats } from 'node:fs'

/** What a file is known by when it is renamed. Decimal, since an inode number may not fit a double. */
export interface FileId {
  readonly dev: string
  readonly ino: string
  /** When it was made, in nanoseconds since 1970: inode numbers are used again. 0 where that is not known. */
  readonly birth: string
  /** When it was last written, in nanoseconds since 1970. Clocks jump and tools set it: it only orders files. */
  readonly mtime: string
}

export function idOf({ dev, ino, birthtimeNs, ctimeNs, mtimeNs }: BigIntStats): FileId {
  // Where the system does not tell the time of birth, Node may give that of the last change.
  const birth = birthtimeNs === ctimeNs ? 0n : birthtimeNs
  return { dev: String(dev), ino: String(ino), birth: String(birth), mtime: String(mtimeNs) }
}

export function isSameFile(a: FileId, b: FileId): boolean {
  return a.dev === b.dev && a.ino === b.ino && (a.birth === b.birth || !hasBirth(a) || !hasBirth(b))
}

/** Whether a file was written after another. */
export function isAfter(a: FileId, b: FileId): boolean {
  return BigInt(a.mtime) > BigInt(b.mtime)
}

function hasBirth({ birth }: FileId): boolean {
  return birth !== '0'
}
