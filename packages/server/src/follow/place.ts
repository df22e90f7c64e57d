import type { FileId } from './file-id.ts'
import type { Print } from './print.ts'

/** How far a file was read. */
export interface Place {
  /** Minted for each file. Together with the offset of a line, it forms the idempotency key of the line. */
  readonly generation: string
  readonly file: FileId
  /**
   * Fingerprints of the beginning of the file and of the last line before the offset, since inode numbers are
   * reused, and copytruncate reuses the inode itself. Without the line until the first one is about to be published.
   */
  readonly prints: readonly Print[]
  /** The hub has acknowledged every line before this byte. */
  readonly offset: number
  /** The offset is inside a line that is too long. */
  readonly isSkipping: boolean
}
