import type { BigIntStats } from 'node:fs'

/** Identifies a file even after it is renamed. Decimal strings, since an inode number may not fit into a double. */
export interface FileId {
  readonly dev: string
  readonly ino: string
  /** When it was created, in nanoseconds since 1970, since inode numbers are reused. 0 if unknown. */
  readonly birth: string
  /**
   * When it was last written, in nanoseconds since 1970. Clocks jump and tools set this time, so it is only used for
   * ordering.
   */
  readonly mtime: string
}

export function idOf({ dev, ino, birthtimeNs, ctimeNs, mtimeNs }: BigIntStats): FileId {
  // If the system does not provide the time of birth, Node may return that of the last change.
  const birth = birthtimeNs === ctimeNs ? 0n : birthtimeNs
  return { dev: String(dev), ino: String(ino), birth: String(birth), mtime: String(mtimeNs) }
}

export function isSameFile(a: FileId, b: FileId): boolean {
  return a.dev === b.dev && a.ino === b.ino && (a.birth === b.birth || !hasBirth(a) || !hasBirth(b))
}

/** Whether a file was written later than another. */
export function isAfter(a: FileId, b: FileId): boolean {
  return BigInt(a.mtime) > BigInt(b.mtime)
}

function hasBirth({ birth }: FileId): boolean {
  return birth !== '0'
}
